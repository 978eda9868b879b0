"""Prints the errors of the estimate before a run and of the time left during it, for real runs, in Markdown.

    python tests/benchmarks/estimates.py quick calibration treebank --treebank FOLDER
    python tests/benchmarks/estimates.py quick --stop 0.3

FOLDER holds a treebank as en_ewt-ud-train.conllu and en_ewt-ud-dev.conllu. Each command is estimated with
`--dry-run --measure`, then run in a new store, without a report. With --stop it is stopped after that share
of its estimate, and the time left is that of the run that resumes it. Readings, which the estimate leaves
out, do not count. Nothing else may run on the machine: the last column is the processor's part of the time of
a step.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from posharness.cli import main as harness
from posharness.cli import run_and_report
from posharness.cli.display import Display
from posharness.cli.output import console
from posharness.store import Store

if TYPE_CHECKING:
    from rich.text import Text

    from posharness.cli.tracker import Tracker
    from posharness.contracts.executor import Event

__all__ = ["main"]

_SHARES = (0.1, 0.25, 0.5)
_TASKS = {"recall": 300, "copy": 500, "flip_flop": 350, "needle": 300}
_PARTS = {"corpus": "train", "treebank": "dev"}


def commands(treebank: Path | None) -> dict[str, tuple[str, ...]]:
    """The arguments of `harness run`, by name."""
    tasks = tuple(
        argument
        for task, steps in _TASKS.items()
        for argument in ("--set", f"task.{task}.budget.steps={steps}")
    )
    calibration = ("--config", "calibration", "--plugins", "relative,alibi", "--tasks", ",".join(_TASKS))
    calibration = (*calibration, "--set", "budget.solved=0")  # how early a task is solved nobody knows before
    found = {"quick": ("--plugins", "rpe,absolute"), "calibration": (*calibration, *tasks)}
    if treebank:
        texts = {f"--{name}": treebank / f"en_ewt-ud-{part}.conllu" for name, part in _PARTS.items()}
        given = tuple(argument for pair in texts.items() for argument in map(str, pair))
        found["treebank"] = (
            *("--config", "treebank", "--plugins", "absolute,relative", "--readings", "heads", *given),
            *("--set", "task.bert.budget.steps=200", "--set", "task.bert.budget.validate_every=100"),
        )
    return {name: (*command, "--seeds", "1", "--no-report") for name, command in found.items()}


def estimate(command: Sequence[str], workers: int) -> float:
    """The seconds that `--dry-run --measure` says."""
    asked = ("run", *command, "--dry-run", "--measure", "--workers", str(workers))
    out = subprocess.check_output([sys.executable, "-m", "posharness.cli", *asked], text=True)
    found = re.search(r"at most ([\d:]+)", out)
    assert found, out
    sys.stderr.write(out)
    seconds = 0
    for part in found[1].split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


class Recorder(Display):
    """Notes the time left at each event until the last training has ended."""

    def __init__(self) -> None:
        super().__init__(console(stderr=True))
        self.noted: list[tuple[float, float | None]] = []
        self.ended = 0.0

    def line(self, event: Event, tracker: Tracker) -> None:
        trained = {key for key, cell in tracker.cells.items() if not cell.pretrained}
        if not trained <= tracker.ended.keys():
            self.noted.append((tracker.elapsed(), tracker.left()))
        elif not self.ended:
            self.ended = tracker.elapsed()

    def print(self, line: Text) -> None:
        raise AssertionError("it has no lines")


def follow(command: Sequence[str], workers: int, store: Path, stop: float | None = None) -> Recorder:
    """Run a command, perhaps only for some seconds, and record it."""
    recorder = Recorder()
    setattr(run_and_report, "_display", lambda: recorder)  # noqa: B010 - which mypy would refuse
    timer = threading.Timer(stop or 0, os.kill, (os.getpid(), signal.SIGTERM))
    if stop:
        timer.start()
    arguments = ["run", *command, "--workers", str(workers), "--store", str(store)]
    with open(os.devnull, "w") as nothing:
        before, sys.stdout = sys.stdout, nothing
        try:
            status = harness(arguments)
        finally:
            timer.cancel()
            sys.stdout = before
    assert status == (128 + signal.SIGTERM if stop else 0), status
    return recorder


def undisturbed(store: Path) -> float:
    """The processor's part of the time of a step: what is missing from 1 was taken by other processes."""
    opened = Store.open(store, create=False)
    results = [opened.results(key) for key in opened.keys() if not opened.cell(key).pretrained]  # noqa: SIM118
    return median(result["step_ms"] / result["step_wall_ms"] for result in results)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=["quick", "calibration", "treebank"])
    parser.add_argument("--treebank", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stop", type=float)
    given = parser.parse_args()
    shares = " | ".join(f"left at {share:.0%}" for share in _SHARES)
    sys.stdout.write(f"| command | estimate s | run s | error | {shares} | processor |\n{'|---' * 8}|\n")
    for name in given.names:
        command = commands(given.treebank)[name]
        expected = estimate(command, given.workers)
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            if given.stop:
                follow(command, given.workers, store, stop=given.stop * expected)
            run = follow(command, given.workers, store)
            processor = undisturbed(store)
        errors = []
        for share in _SHARES:
            now, left = [note for note in run.noted if note[0] <= share * run.ended][-1]
            errors.append(f"{left / (run.ended - now) - 1:+.0%}" if left is not None else "unknown")
        error = "–" if given.stop else f"{expected / run.ended - 1:+.0%}"
        figures = " | ".join((f"{expected:.0f}", f"{run.ended:.0f}", error, *errors, f"{processor:.0%}"))
        sys.stdout.write(f"| {name} | {figures} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
