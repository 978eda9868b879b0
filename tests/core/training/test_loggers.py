"""A logger has every number of the learning curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from posharness.contracts import Progress
from posharness.contracts.cell import Budget, Cell, ModelSettings, TrainerSettings
from posharness.errors import UserError
from posharness.planning.trainer import check_trainer
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.progress_reporter import ProgressReporter
from posharness.training.run import train_cell


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def make_cell(registry: Registry, logger: str) -> Cell:
    recall = {"length": "17", "symbols": "4", "offsets": ["1", "5"], "evaluation_lengths": ["17"]}
    return Cell(
        encoding=registry.select(registry.encodings, Selection("relative", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.choose(registry.tasks.find("offset_recall"), recall),
        model=ModelSettings(width=12, heads=3),
        budget=Budget(steps=6, batch=3, test_sequences=3, validation_sequences=3, validate_every=3),
        trainer=TrainerSettings.model_validate({"logger": logger}),
    )


def train(cell: Cell, registry: Registry, folder: Path, observe: Callable[[Progress], None]) -> pd.DataFrame:
    folder.mkdir(exist_ok=True)
    train_cell(cell, registry, folder, cache=folder, observe=observe, logs=folder.parent / "logs")
    return pd.read_parquet(folder / "curve.parquet").set_index("step")


def test_a_csv_file_has_the_whole_curve_also_of_a_cell_that_was_resumed(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(registry, "csv")

    def stop(reporter: ProgressReporter, step: int, loss: float) -> None:
        if step == 4:
            raise RuntimeError("stopped")

    often = cell.model_copy(update={"trainer": cell.trainer.model_copy(update={"checkpoint_every": 1e-9})})
    with monkeypatch.context() as patch:
        patch.setattr(ProgressReporter, "training", stop)
        with pytest.raises(RuntimeError):
            train(often, registry, tmp_path / "cell", lambda _: None)
    resumed: set[int] = set()
    curve = train(often, registry, tmp_path / "cell", lambda news: resumed.add(news.resumed))
    assert max(resumed) == 3
    logged = pd.read_csv(tmp_path / "logs" / "csv" / cell.key[:12] / "metrics.csv").set_index("step")
    assert list(logged.index) == list(curve.index) == [1, 2, 3, 4, 5, 6]
    (objective,) = set(curve["objective"])
    for name in ("train_loss", "validation_loss", "validation_score"):
        assert logged[f"{name}/{objective}"].tolist() == pytest.approx(curve[name].tolist(), nan_ok=True)
    for name in ("gradient_norm", "learning_rate"):
        assert logged[name].tolist() == pytest.approx(curve[name].tolist())


def test_tensorboard_reads_the_curve(registry: Registry, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cell = make_cell(registry, "tensorboard")
    curve = train(cell, registry, tmp_path / "cell", lambda _: None)
    events = EventAccumulator(str(tmp_path / "logs" / "tensorboard" / cell.key[:12]))
    events.Reload()
    (objective,) = set(curve["objective"])
    for name in ("train_loss", "validation_score"):
        found = {event.step: event.value for event in events.Scalars(f"{name}/{objective}")}
        expected = {int(step): value for step, value in curve[name].items() if not math.isnan(value)}
        assert found == pytest.approx(expected)


def test_a_logger_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posharness.planning.trainer.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"--logger wandb needs a package .* pip install 'posharness\[wandb\]'"
    ):
        check_trainer(Budget(), TrainerSettings(logger="wandb"))
