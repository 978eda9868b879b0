"""An interrupted cell goes on where it was, and ends as if it had never been interrupted."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from posharness.contracts import Progress
from posharness.contracts.cell import Budget, Cell, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import TrainingBatches
from posharness.training.checkpoint import Checkpoints
from posharness.training.run import train_cell

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


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (signal.SIGTERM, {}),
        (signal.SIGINT, {}),
        (signal.SIGTERM, {"patience": 2}),
        (signal.SIGINT, {"solved": 0.01}),
    ],
)
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
    assert (parts / "checkpoint.ckpt").exists()  # until the files are in their place
    assert_same(whole, parts)


@pytest.mark.parametrize(("step", "goes_on"), [(7, ("training", 9)), (23, ("evaluating", 7))])
def test_a_signal_after_the_end_of_a_step_stops_the_cell_after_the_next(
    registry: Registry,
    folder: Folder,
    step: int,
    goes_on: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cell = make_cell(registry)
    whole, parts = folder("whole"), folder("parts")
    train_cell(cell, registry, whole, cache=whole, observe=ignore)

    def then_signal(self: Checkpoints, trainer: pl.Trainer, *args: Any) -> None:
        at_the_end(self, trainer, *args)
        if trainer.global_step == step:
            signal.raise_signal(signal.SIGTERM)

    at_the_end = Checkpoints.on_train_batch_end
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "on_train_batch_end", then_signal)
        interrupt(cell, registry, parts, ignore)
    seen: list[tuple[str, int]] = []
    train_cell(cell, registry, parts, cache=parts, observe=lambda news: seen.append((news.stage, news.step)))
    assert seen[0] == goes_on
    assert_same(whole, parts)


def test_a_signal_before_the_first_step_stops_the_cell(
    registry: Registry, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Parts of a batch end before a step does, and Lightning looks for a signal at the end of each.
    cell = make_cell(registry, batch=4).model_copy(update={"trainer": TrainerSettings(accumulate=2)})
    parts = folder("parts")
    interrupt(cell, registry, parts, stop_at("training", 7))

    def signal_first(self: TrainingBatches) -> int:
        signal.raise_signal(signal.SIGTERM)
        return as_it_is(self)

    as_it_is = TrainingBatches.__len__
    with monkeypatch.context() as patched:
        patched.setattr(TrainingBatches, "__len__", signal_first)
        interrupt(cell, registry, parts, ignore)
    steps: list[int] = []
    train_cell(cell, registry, parts, cache=parts, observe=lambda news: steps.append(news.step))
    assert steps[0] == 8


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


def test_a_checkpoint_is_kept_from_time_to_time(registry: Registry, folder: Folder) -> None:
    path = folder("cell") / "checkpoint.ckpt"
    often = TrainerSettings(checkpoint_every=1e-9)
    seen = []
    train_cell(
        make_cell(registry).model_copy(update={"trainer": often}),
        registry,
        folder("cell"),
        cache=path.parent,
        observe=lambda n: seen.append(path.exists()),
    )
    assert seen[1:] == [True] * (len(seen) - 1)


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """With one bit changed in the stored numbers of the largest part."""
    with ZipFile(io.BytesIO(content)) as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
        number = content.index(archive.read(largest)) + largest.file_size // 2
    return content[:number] + bytes([content[number] ^ 1]) + content[number + 1 :]


@pytest.mark.parametrize("damage", [torn, flipped])
def test_a_damaged_checkpoint_is_passed_over(
    registry: Registry, folder: Folder, damage: Callable[[bytes], bytes]
) -> None:
    cell = make_cell(registry)
    whole, parts = folder("whole"), folder("parts")
    train_cell(cell, registry, whole, cache=whole, observe=ignore)
    interrupt(cell, registry, parts, stop_at("training", 11))
    checkpoint = parts / "checkpoint.ckpt"
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    steps: list[int] = []
    train_cell(cell, registry, parts, cache=parts, observe=lambda news: steps.append(news.step))
    assert steps[0] == 1
    assert_same(whole, parts)


def test_the_checkpoint_of_another_cell_is_not_resumed(registry: Registry, folder: Folder) -> None:
    cell, other = make_cell(registry), make_cell(registry, validate_every=6)
    interrupt(other, registry, folder("other"), stop_at("training", 11))
    (folder("other") / "checkpoint.ckpt").rename(folder("cell") / "checkpoint.ckpt")
    steps: list[int] = []
    train_cell(
        cell, registry, folder("cell"), cache=folder("cell"), observe=lambda news: steps.append(news.step)
    )
    assert steps[0] == 1


def test_a_signal_that_comes_outside_of_training_is_not_kept(registry: Registry, folder: Folder) -> None:
    train_cell(make_cell(registry, steps=2), registry, folder("cell"), cache=folder("cell"), observe=ignore)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert torch.is_grad_enabled()
