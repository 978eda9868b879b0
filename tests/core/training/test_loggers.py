"""A logger has every number of the learning curve."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from pytorch_lightning.loggers import CSVLogger

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


def assert_logged(curve: pd.DataFrame, logged: Callable[[str], dict[int, float]]) -> None:
    """Every number of a curve is in a log, which gives the values of a name by step."""
    (objective,) = set(curve["objective"])
    for name in ("train_loss", "validation_loss", "validation_score"):
        expected = {int(step): value for step, value in curve[name].items() if not math.isnan(value)}
        assert logged(f"{name}/{objective}") == pytest.approx(expected)
    assert logged("gradient_norm") == pytest.approx(dict(curve["gradient_norm"]))


def train_in_two(cell: Cell, registry: Registry, folder: Path) -> pd.DataFrame:
    """Train a cell that fails in its fourth step, and again, from its checkpoint after the third."""

    def stop(reporter: ProgressReporter, step: int, loss: float) -> None:
        if step == 4:
            raise RuntimeError("stopped")

    often = cell.model_copy(update={"trainer": cell.trainer.model_copy(update={"checkpoint_every": 1e-9})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProgressReporter, "training", stop)
        with pytest.raises(RuntimeError):
            train(often, registry, folder, lambda _: None)
    resumed: set[int] = set()
    curve = train(often, registry, folder, lambda news: resumed.add(news.resumed))
    assert max(resumed) == 3
    return curve


def test_a_csv_file_has_the_whole_curve_also_of_a_cell_that_was_resumed(
    registry: Registry, tmp_path: Path
) -> None:
    cell = make_cell(registry, "csv")
    curve = train_in_two(cell, registry, tmp_path / "cell")
    logged = pd.read_csv(tmp_path / "logs" / "csv" / cell.key[:12] / "metrics.csv").set_index("step")
    assert list(logged.index) == list(curve.index) == [1, 2, 3, 4, 5, 6]
    (objective,) = set(curve["objective"])
    for name in ("train_loss", "validation_loss", "validation_score"):
        assert logged[f"{name}/{objective}"].tolist() == pytest.approx(curve[name].tolist(), nan_ok=True)
    for name in ("gradient_norm", "learning_rate"):
        assert logged[name].tolist() == pytest.approx(curve[name].tolist())


def test_tensorboard_reads_the_curve_once_also_of_a_cell_that_was_resumed(
    registry: Registry, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cell = make_cell(registry, "tensorboard")
    curve = train_in_two(cell, registry, tmp_path / "cell")
    events = EventAccumulator(str(tmp_path / "logs" / "tensorboard" / cell.key[:12]))
    events.Reload()
    assert_logged(curve, lambda name: {event.step: event.value for event in events.Scalars(name)})
    assert [event.step for event in events.Scalars("gradient_norm")] == [1, 2, 3, 4, 5, 6]


def wandb_records(file: Path) -> Iterator[bytes]:
    """The records of a run's file: a log in the format of LevelDB, behind a header of 7 bytes."""
    log, place, whole = file.read_bytes(), 7, b""
    while place + 7 <= len(log):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = int.from_bytes(log[place + 4 : place + 6], "little"), log[place + 6]
        whole += log[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # the whole record, or its last part
            yield whole
            whole = b""


def test_wandb_writes_the_curve_without_a_network(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    curve = train(make_cell(registry, "wandb"), registry, tmp_path / "cell", lambda _: None)
    (file,) = tmp_path.glob("logs/wandb/wandb/offline-run-*/*.wandb")
    histories = [Record.FromString(record).history.item for record in wandb_records(file)]
    rows = [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
        for items in histories
    ]
    assert_logged(curve, lambda name: {row["trainer/global_step"]: row[name] for row in rows if name in row})


def test_mlflow_writes_the_curve_into_files(registry: Registry, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    curve = train(make_cell(registry, "mlflow"), registry, tmp_path / "cell", lambda _: None)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "logs" / "mlflow").as_uri())
    (experiment,) = (each for each in client.search_experiments() if each.name == "posharness")
    (run,) = client.search_runs([experiment.experiment_id])
    assert_logged(
        curve,
        lambda name: {each.step: each.value for each in client.get_metric_history(run.info.run_id, name)},
    )


def test_a_logger_that_fails_later_stops_no_training(
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(logger: CSVLogger) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(CSVLogger, "save", fail)
    curve = train(make_cell(registry, "csv"), registry, tmp_path / "cell", lambda _: None)
    assert list(curve.index) == [1, 2, 3, 4, 5, 6]
    said = "CSVLogger failed; the training goes on without it: OSError('no space left')\n"
    assert capsys.readouterr().err == said


def test_a_logger_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posharness.planning.trainer.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"--logger wandb needs a package .* pip install 'posharness\[wandb\]'"
    ):
        check_trainer(Budget(), TrainerSettings(logger="wandb"))
