"""A harness that is stopped, in whatever way, leaves cells to go on with and no process."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from posharness.contracts import CellOutcome, Event, Finished
from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings
from posharness.executors import LocalExecutor, LocalRunner
from posharness.store import Store

PLUGIN = Path(__file__).with_name("moody.py")
STEPS = 400

# Without `if __name__ == "__main__"`, as a user's script may well be.
SCRIPT = """
import pickle, sys
from pathlib import Path

from posharness.executors import LocalExecutor, LocalRunner

cell, store, plugin = pickle.loads(Path(sys.argv[1]).read_bytes())
try:
    LocalExecutor(workers=2).execute(
        [cell], run=LocalRunner(store, (plugin,)), observe=lambda event: print(event, flush=True)
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.read()
"""


def make_cell(flag: Path) -> Cell:
    return Cell(
        encoding=Choice(name="absolute", label="absolute"),
        attention=Choice(name="softmax"),
        body="decoder",
        task=Choice(name="moody", params={"flag": str(flag)}, label="moody"),
        model=ModelSettings(width=8, layers=1, heads=2),
        budget=Budget(steps=STEPS, batch=3, test_sequences=5, validation_sequences=5, validate_every=100),
    )


class Harness:
    """The harness as a program in a session of its own, so that it can be stopped as from a terminal.

    Its working directory holds modules that must never be imported.
    """

    def __init__(self, folder: Path, cell: Cell) -> None:
        self.directory = folder / "elsewhere"
        self.directory.mkdir(parents=True)
        for name in ("torch", "signal", "posharness"):
            (self.directory / f"{name}.py").write_text("open('imported', 'w')")
        self.cell = cell
        self.store = Store.open(folder / "runs", create=True)
        self.mark = str(folder)
        (folder / "script.py").write_text(SCRIPT)
        (folder / "arguments").write_bytes(pickle.dumps((cell, self.store.path, PLUGIN)))
        self.process = subprocess.Popen(
            [sys.executable, folder / "script.py", folder / "arguments"],
            cwd=self.directory,
            env=os.environ | {"HARNESS_MARK": self.mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for_training(self) -> None:
        def trains() -> bool:
            progress = self.store.live(self.cell.key)
            return progress is not None and progress.step > 2

        until(trains, 240)

    def processes(self) -> dict[int, str]:
        """Itself and all processes that come from it: the command line of each number."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                command = (entry / "cmdline").read_text()
            except OSError:
                continue  # it ended meanwhile, or is not ours
            if f"HARNESS_MARK={self.mark}".encode() in environment and command:
                found[int(entry.name)] = command
        return found


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.usefixtures("warm_server")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_a_stopped_harness_leaves_cells_to_go_on_with_and_no_process(tmp_path: Path) -> None:
    """Ctrl-C in one harness, SIGKILL in another, the end of a third's terminal; then one more goes on.

    All processes of a fourth get SIGTERM, as from `scancel`, the server of its cells before the cell.
    """
    flag = tmp_path / "slow"
    flag.touch()
    cell = make_cell(flag)
    names = ("stopped", "killed", "hung up", "cancelled")
    stopped, killed, hung_up, cancelled = harnesses = [Harness(tmp_path / name, cell) for name in names]
    with stopped.process, killed.process, hung_up.process, cancelled.process:
        for harness in harnesses:
            harness.wait_for_training()
        os.killpg(hung_up.process.pid, signal.SIGHUP)
        os.killpg(stopped.process.pid, signal.SIGINT)
        killed.process.kill()
        for process in sorted(cancelled.processes(), key=lambda number: number == cancelled.process.pid):
            os.kill(process, signal.SIGTERM)
            time.sleep(0.3)
        check_what_was_said(stopped)
        until(lambda: not any(each.processes() for each in (killed, hung_up, cancelled)), 15)
    flag.unlink()
    for harness in harnesses:
        check_what_is_left(harness)
        go_on(harness)


def check_what_was_said(harness: Harness) -> None:
    """It said that it was interrupted, once the cell's process and the server were gone, and nothing else."""
    assert harness.process.stdout is not None
    said = []
    for line in harness.process.stdout:
        said.append(line)
        if line == "interrupted\n":
            break
    assert said[-1] == "interrupted\n"
    assert said[-2].startswith(f"Finished(key='{harness.cell.key}', outcome=CellOutcome(status='interrupted'")
    assert not any("forkserver" in command for command in harness.processes().values())
    assert harness.process.communicate() == ("", "")
    until(lambda: not harness.processes(), 5)


def check_what_is_left(harness: Harness) -> None:
    assert not (harness.directory / "imported").exists()
    assert (harness.store.path / "work" / harness.cell.key / "checkpoint.ckpt").exists()
    status = harness.store.status(harness.cell.key)
    assert status is not None
    assert status.status == "interrupted"


def go_on(harness: Harness) -> None:
    """Every step was trained once, save those that were sampled ahead when it was stopped."""
    said = harness.store.log(harness.cell.key).count("step")
    assert 0 < said < STEPS
    events: list[Event] = []
    LocalExecutor().execute(
        [harness.cell], run=LocalRunner(harness.store.path, (PLUGIN,)), observe=events.append
    )
    assert events[-1] == Finished(harness.cell.key, CellOutcome("done"))
    assert harness.store.done(harness.cell.key)
    assert STEPS <= harness.store.log(harness.cell.key).count("step") <= STEPS + 5
