"""A worker joins the runs in progress, and trains nothing whose code differs from theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.execution import Execution
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.store.plans import open_plans, opened_plan
from posharness.work import work

from .commands import TINY, harness


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "runs", create=True)


@pytest.fixture
def cells(tmp_path: Path) -> list[Cell]:
    (tmp_path / "tiny.toml").write_text(TINY)
    experiment = load_experiment(config=tmp_path / "tiny.toml", overrides={"plugins": ["absolute"]})
    return plan(experiment, Registry.load(), tmp_path)


def test_a_worker_trains_the_cells_of_an_open_plan(store: Store, cells: list[Cell]) -> None:
    with opened_plan(store, cells, ()):
        summary = work(Execution(store.path, workers=1))
        assert summary.counts == {"done": len(cells)}
    assert all(store.done(cell.key) for cell in cells)
    assert open_plans(store) == []


def test_the_plan_of_a_run_is_open_as_long_as_it_runs(store: Store, cells: list[Cell]) -> None:
    seen: list[int] = []
    Execution(store.path, 1, observe=lambda _: seen.append(len(open_plans(store)))).run(lambda _: cells)
    assert seen[0] == 1
    assert open_plans(store) == []


def test_other_code_is_refused(store: Store, cells: list[Cell]) -> None:
    (cell,) = cells
    edited = cell.model_copy(update={"encoding": cell.encoding.model_copy(update={"digest": "other"})})
    with (
        opened_plan(store, [edited], ()),
        pytest.raises(
            UserError, match=r"The code of absolute on this mach.* delete its plan .*/plans/\w+.json"
        ),
    ):
        work(Execution(store.path, workers=1))
    assert store.status(edited.key) is None


def test_a_plugin_that_is_not_on_this_machine_is_named(
    store: Store, cells: list[Cell], tmp_path: Path
) -> None:
    absent = tmp_path / "absent.py"
    with (
        opened_plan(store, cells, [absent]),
        pytest.raises(UserError, match=rf"The plugin {absent} of a run is not on this machine"),
    ):
        work(Execution(store.path, workers=1))


@pytest.mark.usefixtures("terminal")
def test_a_store_without_a_run_says_what_to_do(store: Store) -> None:
    ended = harness("work", store.path)
    assert ended.status == 2
    assert "has no open plan: start `harness run --store" in ended.err
