"""An interrupted cell goes on where it was, and ends as if it had never been interrupted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from posharness.contracts import Progress
from posharness.contracts.cell import Budget, Cell, ModelSettings, OptimiserSettings
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training import train_cell

Folder = Callable[[str], Path]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture(autouse=True)
def _news_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posharness.training.progress_reporter._BETWEEN", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    return make


def make_cell(registry: Registry, **budget: Any) -> Cell:
    recall = {"length": "17", "symbols": "4", "offsets": ["1", "5"], "evaluation_lengths": ["17", "29"]}
    sizes = {"steps": 23, "batch": 5, "test_sequences": 7, "validation_sequences": 6, "validate_every": 5}
    return Cell(
        encoding=registry.select(registry.encodings, Selection("relative", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.choose(registry.tasks.find("offset_recall"), recall),
        model=ModelSettings(width=12, heads=3, dropout=0.2),
        budget=Budget(**{**sizes, **budget}),
        optimiser=OptimiserSettings(lr=1e-2),
        seed=3,
    )


def stop_at(stage: str, step: int, number: signal.Signals = signal.SIGTERM) -> Callable[[Progress], None]:
    def observe(news: Progress) -> None:
        if (news.stage, news.step) == (stage, step):
            os.kill(os.getpid(), number)

    return observe


def ignore(news: Progress) -> None:
    pass


def interrupt(cell: Cell, registry: Registry, folder: Path, observe: Callable[[Progress], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_cell(cell, registry, folder, cache=folder, observe=observe)
    assert [path.name for path in folder.iterdir()] == ["checkpoint.ckpt"]


def assert_same(one: Path, other: Path) -> None:
    for name in ("predictions.parquet", "weights.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    curves = (pd.read_parquet(f / "curve.parquet").drop(columns="seconds") for f in (one, other))
    pd.testing.assert_frame_equal(*curves, check_exact=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ending", [{}, {"patience": 2}, {"solved": 0.01}], ids=["all", "patience", "solved"])
def test_a_resumed_cell_ends_with_the_same_bits(
    registry: Registry, folder: Folder, number: signal.Signals, ending: dict[str, Any]
) -> None:
    cell = make_cell(registry, **ending)
    whole, parts = folder("whole"), folder("parts")
    assert train_cell(cell, registry, whole, cache=whole, observe=ignore).status == "done"
    before = signal.getsignal(number)
    for step in (7, 8):
        interrupt(cell, registry, parts, stop_at("training", step, number))
    assert signal.getsignal(number) == before
    steps = []
    outcome = train_cell(
        cell, registry, parts, cache=parts, observe=lambda n: steps.append((n.stage, n.step))
    )
    assert outcome.status == "done"
    assert steps[0] == ("training", 9)
    assert not (parts / "checkpoint.ckpt").exists()
    assert_same(whole, parts)


@pytest.mark.parametrize("patience", [0, 2])
def test_a_cell_interrupted_in_its_test_does_not_train_again(
    registry: Registry, folder: Folder, patience: int
) -> None:
    cell = make_cell(registry, patience=patience)
    whole, parts = folder("whole"), folder("parts")
    train_cell(cell, registry, whole, cache=whole, observe=ignore)
    interrupt(cell, registry, parts, stop_at("evaluating", 7))
    stages: set[str] = set()
    train_cell(cell, registry, parts, cache=parts, observe=lambda news: stages.add(news.stage))
    assert stages == {"evaluating"}
    assert_same(whole, parts)


def test_a_checkpoint_is_kept_from_time_to_time(
    registry: Registry, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder("cell") / "checkpoint.ckpt"
    monkeypatch.setattr("posharness.training.checkpoint._BETWEEN", 0.0)
    seen = []
    train_cell(
        make_cell(registry),
        registry,
        folder("cell"),
        cache=path.parent,
        observe=lambda n: seen.append(path.exists()),
    )
    assert seen[1:] == [True] * (len(seen) - 1)
    assert not path.exists()


def test_a_checkpoint_that_cannot_be_read_is_passed_over(registry: Registry, folder: Folder) -> None:
    cell = make_cell(registry)
    whole, torn = folder("whole"), folder("torn")
    train_cell(cell, registry, whole, cache=whole, observe=ignore)
    interrupt(cell, registry, torn, stop_at("training", 11))
    content = (torn / "checkpoint.ckpt").read_bytes()
    (torn / "checkpoint.ckpt").write_bytes(content[: len(content) // 2])
    steps: list[int] = []
    train_cell(cell, registry, torn, cache=torn, observe=lambda news: steps.append(news.step))
    assert steps[0] == 1
    assert_same(whole, torn)


def test_a_signal_that_comes_outside_of_training_is_not_kept(registry: Registry, folder: Folder) -> None:
    train_cell(make_cell(registry, steps=2), registry, folder("cell"), cache=folder("cell"), observe=ignore)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert torch.is_grad_enabled()
