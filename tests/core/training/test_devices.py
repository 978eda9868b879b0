"""Several devices train a cell on the same data, to the same sums but for rounding."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from posharness.contracts import Progress
from posharness.contracts.cell import Budget, Cell, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.errors import CellStopped
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.run import train_cell

Train = Callable[..., Path]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def make_cell(registry: Registry, **trainer: Any) -> Cell:
    recall = {"length": "17", "symbols": "4", "offsets": ["1", "5"], "evaluation_lengths": ["17", "29"]}
    return Cell(
        encoding=registry.select(registry.encodings, Selection("relative", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.choose(registry.tasks.find("offset_recall"), recall),
        model=ModelSettings(width=12, heads=3),
        budget=Budget(
            steps=7, batch=5, test_sequences=7, validation_sequences=6, validate_every=3, patience=9
        ),
        optimiser=OptimiserSettings(lr=1e-2),
        trainer=TrainerSettings(**trainer),
        seed=3,
    )


@pytest.fixture(scope="module")
def train(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Train:
    def run(**trainer: Any) -> Path:
        folder = tmp_path_factory.mktemp("cell")
        cell = make_cell(registry, **trainer)
        assert train_cell(cell, registry, folder, cache=folder, observe=lambda _: None).status == "done"
        return folder

    return run


@pytest.fixture(scope="module")
def alone(train: Train) -> Path:
    return train()


def assert_close(one: Path, other: Path) -> None:
    curves = [pd.read_parquet(folder / "curve.parquet") for folder in (one, other)]
    for name in ("train_loss", "gradient_norm", "validation_loss"):
        torch.testing.assert_close(
            *(torch.tensor(curve[name].to_numpy()) for curve in curves), rtol=1e-4, atol=1e-5, equal_nan=True
        )
    tests = [pd.read_parquet(folder / "predictions.parquet") for folder in (one, other)]
    torch.testing.assert_close(
        *(torch.tensor(rows["log_prob"].to_numpy()) for rows in tests), rtol=1e-3, atol=1e-3
    )


def test_parts_of_a_batch_add_up_to_the_batch(train: Train, alone: Path) -> None:
    assert_close(train(accumulate=3), alone)


def test_two_processes_train_as_one_also_if_stopped_in_the_test(
    registry: Registry, alone: Path, tmp_path: Path
) -> None:
    cell = make_cell(registry, devices=2, accumulate=2)

    def stop(news: Progress) -> None:
        if news.stage == "evaluating":
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(CellStopped):
        train_cell(cell, registry, tmp_path, cache=tmp_path, observe=stop)
    seen: list[Progress] = []
    assert train_cell(cell, registry, tmp_path, cache=tmp_path, observe=seen.append).status == "done"
    assert {news.stage for news in seen} == {"evaluating"}
    assert_close(tmp_path, alone)


@pytest.mark.cluster
def test_two_processes_that_share_the_weights_train_as_one(train: Train, alone: Path) -> None:
    assert_close(train(devices=2, strategy="fsdp"), alone)


def test_batches_sampled_ahead_are_the_same(train: Train, alone: Path) -> None:
    assert (train(data_workers=1) / "predictions.parquet").read_bytes() == (
        alone / "predictions.parquet"
    ).read_bytes()
