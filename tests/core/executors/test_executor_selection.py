"""An executor and a compiler are selected by name: on the command line, in a file and from Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import posharness
from posharness.contracts import CellOutcome
from posharness.executors import LocalRunner
from posharness.registry import process_copy
from posharness.registry.registry import Registry
from posharness.store import Store

from ..commands import harness
from .test_executor import PLUGIN, make_cell

SERIAL = Path(__file__).with_name("serial.py")

FAILING = """
import ctypes, os, sys
from posharness.contracts import Compiler, Executor, hookimpl

class FailingExecutor(Executor):
    name = "failing"
    summary = "Fails when it is built"
    def __init__(self, *, workers: int = 1, timeout: float | None = None) -> None:
        {fault}
    def execute(self, cells, *, run, observe): ...

class FailingCompiler(Compiler):
    name = "failing"
    summary = "Fails when it is built"
    def __init__(self) -> None:
        {fault}
    def compile(self, *arguments, **keywords): ...
    def publish(self, *arguments, **keywords): ...

@hookimpl
def posharness_executors():
    return [FailingExecutor]

@hookimpl
def posharness_compilers():
    return [FailingCompiler]
"""

pytestmark = pytest.mark.usefixtures("terminal")


@pytest.fixture
def order(tiny: Path) -> Path:
    tiny.write_text(tiny.read_text().replace("seeds = 1", "seeds = 2"))
    return tiny.with_name("order.txt")


RUN = ("run", "--plugins", "absolute", "--plugin-path", SERIAL, "--workers", "3", "--no-report")


def test_the_command_line_selects_an_executor_with_parameters(tiny: Path, order: Path) -> None:
    ended = harness(*RUN, "--config", tiny, "--executor", "one-by-one[order=backwards]")
    assert (ended.status, ended.err) == (0, "")
    assert order.read_text() == "1 done 3\n0 done 3\n"


def test_no_number_at_a_time_is_said_of_a_cluster_that_decides_it(tiny: Path) -> None:
    given = ("run", "--plugins", "absolute", "--plugin-path", SERIAL, "--config", tiny, "--executor", "far")
    ended = harness(*given, "--no-report")
    assert (ended.status, ended.err) == (0, "")
    assert "1 cell: 0 reused, 0 skipped, 1 to train" in ended.out.splitlines()
    again = harness(*given, "--no-report", "--workers", "3", "--seeds", "2")
    assert "2 cells: 1 reused, 0 skipped, 1 to train, 1 at a time" in again.out.splitlines()


@pytest.mark.parametrize("how", [(), ("--until", "decided"), ("--tune", "lr=[.001,.003]")])
@pytest.mark.parametrize(
    ("executor", "package", "said"),
    [
        ("ray", "ray", "The executor ray needs Ray: pip install 'posharness[ray]'."),
        ("slurm[time=9]", "submitit", "The executor slurm needs submitit: pip install 'posharness[slurm]'."),
    ],
)
def test_an_executor_without_its_package_is_refused_before_anything_is_prepared(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, executor: str, package: str, said: str, how: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    ended = harness("run", "--plugins", "absolute", "--config", tiny, "--executor", executor, *how)
    assert (ended.status, ended.out, ended.err) == (2, "", f"harness: {said}\n")
    assert not tiny.with_name("runs").exists()


def test_a_file_and_python_select_an_executor(tiny: Path, order: Path) -> None:
    tiny.write_text('executor = "serial"\n' + tiny.read_text())
    ended = harness(*RUN, "--config", tiny, "--store", "one")
    assert (ended.status, ended.err) == (0, "")
    assert order.read_text() == "0 done 3\n1 done 3\n"
    order.unlink()
    results = posharness.run(
        ["absolute"],
        config=tiny,
        store="two",
        workers=2,
        plugin_paths=[SERIAL],
        executor="serial[order=backwards]",
    )
    assert order.read_text() == "1 done 2\n0 done 2\n"
    # Which executor ran a cell is no part of its result.
    assert set(results.cells["cell"]) == set(posharness.load("one").cells["cell"])
    for key in results.cells["cell"]:
        one, two = (Store.open(Path(store), create=False).home(key) for store in ("one", "two"))
        assert (one / "predictions.parquet").read_bytes() == (two / "predictions.parquet").read_bytes()


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--executor", "serail", "--executor: unknown executor 'serail'; did you mean 'serial'?"),
        ("--executor", "serial[odrer=backwards]", "serial has no parameter 'odrer'; did you mean 'order'?"),
        ("--executor", "serial[order=up]", "order expects one of forwards, backwards"),
        ("--executor", "serial[workers=3]", "serial has no parameter 'workers'; did you mean"),
        ("--executor", "serial,local", "--executor 'serial,local' selects 2 executors; give one"),
        ("--compiler", "htlm", "--compiler: unknown compiler 'htlm'; did you mean 'html'?"),
        ("--compiler", "html[pages=3]", "html has no parameter 'pages'; known: figures, style."),
    ],
)
def test_a_mistake_ends_before_anything_runs(
    tiny: Path, tmp_path: Path, option: str, text: str, said: str
) -> None:
    given = ("run", "--plugins", "absolute", "--plugin-path", SERIAL, "--config", tiny, option, text)
    ended = harness(*given)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert not (tmp_path / "runs" / "cells").exists()


def test_a_cell_for_several_machines_needs_an_executor_that_gives_them(tiny: Path, tmp_path: Path) -> None:
    given = (*RUN, "--config", tiny, "--set", "trainer.num_nodes=2", "--set", "budget.batch=2")
    ended = harness(*given)
    assert ended.status == 2
    assert "trainer.num_nodes is 2, and --executor local trains a cell on one machine: give" in ended.err
    assert not (tmp_path / "runs" / "cells").exists()


@pytest.mark.parametrize("fault", ["sys.exit(3)", "raise ValueError('no server answers')"])
@pytest.mark.parametrize("option", ["--executor", "--compiler"])
def test_a_constructor_that_fails_ends_in_one_sentence(tiny: Path, option: str, fault: str) -> None:
    assert_refused(tiny, option, fault)


def assert_refused(tiny: Path, option: str, fault: str, reason: str = "") -> None:
    path = tiny.with_name("failing.py")
    path.write_text(FAILING.format(fault=fault))
    given = ("run", "--plugins", "absolute", "--plugin-path", path, "--config", tiny, option, "failing")
    ended = harness(*given)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"harness: {option} failing: the {option[2:]} cannot be built: {reason}")
    assert ended.err.count("\n") == 1
    assert ended.err.endswith(".\n")


@pytest.mark.skipif(sys.platform != "linux", reason="plugins are built in copies on Linux only")
@pytest.mark.parametrize("option", ["--executor", "--compiler"])
def test_a_constructor_that_ends_its_process_or_hangs_is_named(
    tiny: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_copy, "LIMIT", 1.0)
    assert_refused(tiny, option, "os._exit(0)", "its constructor ended the process with status 0.")
    hanging = "ctypes.PyDLL(None).sleep(600)"
    assert_refused(tiny, option, hanging, "its constructor has not ended after 1 s.")


@pytest.mark.skipif(sys.platform != "linux", reason="plugins are built in copies on Linux only")
@pytest.mark.parametrize("command", [("report", "runs"), ("list",), ("publish", "report", "--to", "site")])
def test_an_import_that_ends_its_process_is_no_success_of_any_command(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "leaving.py").write_text("import os\nprint('bye')\nos._exit(0)\n")
    ended = harness(*command, "--plugin-path", "leaving.py")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("harness: --plugin-path leaving.py: its import ended the process")


def test_a_runner_brings_each_cell_to_a_status(tmp_path: Path) -> None:
    run = LocalRunner(tmp_path / "runs", (PLUGIN,))
    cells = [make_cell(), make_cell("raise"), make_cell(seed=1, skip="it cannot be")]
    ended = [run(cell) for cell in cells]
    assert [outcome.status for outcome in ended] == ["done", "failed", "skipped"]
    assert ended[2] == CellOutcome("skipped", "it cannot be")
    store = Store.open(tmp_path / "runs", create=False)
    for cell, outcome in zip(cells, ended, strict=True):
        state = store.status(cell.key)
        assert state is not None
        assert state.status == outcome.status


def test_an_executor_is_listed_with_its_own_parameters() -> None:
    registry = Registry.load([SERIAL])
    assert list(registry.parameters(registry.executors.find("serial"))) == ["order"]
