"""Cells that take as long as a file exists, and what a run of them left."""

from __future__ import annotations

from pathlib import Path

from posharness.contracts import Event, Executor, Started
from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings, TrainerSettings
from posharness.executors import LocalExecutor, LocalRunner
from posharness.store import Store

PLUGIN = Path(__file__).parents[1] / "core" / "executors" / "moody.py"


def make_cell(
    seed: int, flag: Path | str = "", steps: int = 40, trainer: TrainerSettings | None = None
) -> Cell:
    """A cell that takes 0.05 s a step while the file `flag` exists."""
    return Cell(
        encoding=Choice(name="absolute", label="absolute"),
        attention=Choice(name="softmax"),
        body="decoder",
        task=Choice(name="moody", params={"flag": str(flag)}, label="moody"),
        model=ModelSettings(width=8, layers=1, heads=2),
        budget=Budget(steps=steps, batch=3, test_sequences=5, validation_sequences=5, validate_every=20),
        trainer=trainer or TrainerSettings(),
        seed=seed,
    )


def execute(executor: Executor, cells: list[Cell], store: Path, events: list[Event] | None = None) -> None:
    """Run cells into a store."""
    observe = (lambda _: None) if events is None else events.append
    executor.execute(cells, run=LocalRunner(store, (PLUGIN,)), observe=observe)


def assert_same_as_local(cells: list[Cell], store: Path, local: Path) -> None:
    """Every cell is done, with the bits that the local executor gives it."""
    execute(LocalExecutor(workers=2), cells, local)
    for cell in cells:
        one, other = (Store.open(path, create=False) for path in (store, local))
        assert one.done(cell.key), one.status(cell.key)
        for name in ("predictions.parquet", "weights.safetensors"):
            assert (one.home(cell.key) / name).read_bytes() == (other.home(cell.key) / name).read_bytes()


def started(events: list[Event], cell: Cell) -> bool:
    """Whether it was reported that the cell started."""
    return Started(cell.key) in events
