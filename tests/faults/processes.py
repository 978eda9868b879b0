"""A run as a program of its own, and its processes: harness, fork server, nursery and cells."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings
from posharness.store import Store

__all__ = ["PLUGIN", "Kind", "RunningHarness", "make_cell", "until"]

PLUGIN = Path(__file__).parents[1] / "core" / "executors" / "moody.py"
Kind = Literal["harness", "server", "nursery", "cell"]
"""The nursery is between the server and the cells: it has imported their plugins."""

_SCRIPT = """
import pickle, sys
from posharness.executors import LocalExecutor, LocalRunner

cells, store, plugin = pickle.load(open(sys.argv[1], "rb"))
try:
    LocalExecutor(workers=3).execute(
        cells, run=LocalRunner(store, (plugin,)), observe=lambda event: print(event, flush=True)
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def make_cell(mood: str = "", *, flag: Path | None = None, seed: int = 0, steps: int = 30) -> Cell:
    """A cell of the moody task; each step takes a while as long as the flag exists."""
    params = {"mood": mood, "flag": str(flag or "")}
    return Cell(
        encoding=Choice(name="absolute", label="absolute"),
        attention=Choice(name="softmax"),
        body="decoder",
        task=Choice(name="moody", params=params, label="moody"),
        model=ModelSettings(width=8, layers=1, heads=2),
        budget=Budget(steps=steps, batch=3, test_sequences=5, validation_sequences=5, validate_every=10),
        seed=seed,
    )


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for something.

    Raises:
        AssertionError: it has not come.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class RunningHarness:
    """A program that runs cells into a store."""

    def __init__(self, folder: Path, store: Store, cells: Sequence[Cell]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.mark = f"HARNESS_MARK={folder}".encode()
        (folder / "script.py").write_text(_SCRIPT)
        (folder / "arguments").write_bytes(pickle.dumps((list(cells), store.path, PLUGIN)))
        self.output = folder / "output.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, folder / "script.py", folder / "arguments"],
                env=os.environ | {"HARNESS_MARK": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self) -> bool:
        return self.process.poll() is not None

    def started(self, cells: int = 1) -> bool:
        """Whether so many cells have started; true for a harness that has ended."""
        return self.output.read_text().count("Started") >= cells or self.ended()

    def trains(self) -> bool:
        """Whether the process of a cell is alive; true for a harness that has ended."""
        return bool(self.processes()["cell"]) or self.ended()

    def processes(self) -> dict[Kind, list[int]]:
        """Those that are alive."""
        parents: dict[int, int] = {}
        groups: dict[Kind, list[int]] = {"harness": [], "server": [], "nursery": [], "cell": []}
        others = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                if self.mark not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if state == "Z":
                    continue
                number = int(entry.name)
                parents[number] = int(parent)
                if number == self.process.pid:
                    groups["harness"].append(number)
                elif int(session) != self.process.pid:
                    others.append(number)
                elif b"forkserver" in (entry / "cmdline").read_bytes():
                    groups["server"].append(number)
        for number in others:
            groups["nursery" if parents[number] in groups["server"] else "cell"].append(number)
        return groups

    def kill(self, *kinds: Kind, which: int = 0) -> None:
        """Kill all of some kinds at once; of cells only one, unless the harness goes too."""
        alive = self.processes()
        for kind in kinds:
            only = which % max(1, len(alive[kind]))
            for number in alive[kind] if "harness" in kinds else alive[kind][only : only + 1]:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)

    def gone(self) -> bool:
        """Whether no process is left."""
        return self.ended() and not any(self.processes().values())
