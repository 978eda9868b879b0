"""Prints what everything but training costs, as a table with a goal and an earlier value beside each figure.

python tests/benchmarks/overhead.py                 all of it, in some minutes
python tests/benchmarks/overhead.py list status     some of it

Seconds are processor time (user and system) and not the clock, which depends on what else the machine does.
`list`, `show` and `status` run twice, because the first run keeps what it has found: the description of the
plugins, and which files agree with their checksums.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthetic_store import Size, write_store

_GRID = f"rope[base={'|'.join(str(base) for base in range(100, 200))}]"
_TASKS = "recall,reverse,needle,selective_copy,flip_flop"
_DIGESTS = """
from posharness.registry.registry import Registry
registry = Registry.load()
for catalogue in (registry.encodings, registry.attentions, registry.tasks, registry.readings):
    for entry in catalogue.entries:
        registry.digests.digest(entry.plugin)
"""
_CLI = ("-m", "posharness.cli")


@dataclass(frozen=True)
class Case:
    """A command, what it should cost, and what it cost before.

    Attributes:
        command: the arguments of Python, made in a new folder.
        goal: seconds, and for a report its peak memory and its size.
        before: the same, where they are known.
        twice: measure the second of two runs.
    """

    heading: str
    command: Callable[[Path], Sequence[str]]
    goal: str
    before: str = "–"
    twice: bool = False


def _status(folder: Path) -> list[str]:
    write_store(folder / "store", Size(labels=50, tasks=20, seeds=5, sequences=2))
    return [*_CLI, "status", str(folder / "store")]


def _report(labels: int, tasks: int, seeds: int = 5) -> Callable[[Path], list[str]]:
    def command(folder: Path) -> list[str]:
        write_store(folder / "store", Size(labels, tasks, seeds))
        return [*_CLI, "report", str(folder / "store")]

    return command


def _plan(folder: Path) -> list[str]:
    given = ["--plugins", _GRID, "--tasks", _TASKS, "--bodies", "encoder,decoder", "--seeds", "20"]
    return [*_CLI, "run", *given, "--preset", "smoke", "--store", str(folder / "none"), "--dry-run"]


_CASES: Mapping[str, Case] = {
    "help": Case("--help", lambda folder: [*_CLI, "--help"], "1 s"),
    "list": Case("list", lambda folder: [*_CLI, "list"], "1 s", "3.0 s", twice=True),
    "show": Case("show relative", lambda folder: [*_CLI, "show", "relative"], "1 s", "2.3 s", twice=True),
    "digests": Case("digests of all built-in plugins, with torch", lambda folder: ["-c", _DIGESTS], "–"),
    "preload": Case(
        "imports of the fork server", lambda folder: ["-c", "import posharness.executors.preload"], "3 s"
    ),
    "first-status": Case(
        "status of 5,000 cells, whose files are compared with their checksums", _status, "–"
    ),
    "status": Case("status of 5,000 cells", _status, "2 s", "4.6 s", twice=True),
    "plan": Case("plan of 20,000 cells", _plan, "6 s", "6.3 s"),
    "report-2": Case("report of 30 cells with 2 labels", _report(2, 5, 3), "4 s", "12 s"),
    "report-10": Case(
        "report of 1,000 cells with 10 labels",
        _report(10, 20),
        "45 s, 1500 MB, 10 MB",
        "89 s, 1719 MB, 11.2 MB",
    ),
    "report-100": Case(
        "report of 1,000 cells with 100 labels",
        _report(100, 2),
        "45 s, 1500 MB, 10 MB",
        "168 s, 7800 MB, 58.6 MB",
    ),
}
_STEPS = {"recall": "–", "listops": "3.9 % data", "agreement": "3.6 % data"}


def main(names: Sequence[str]) -> None:
    """Measure the named cases, by default all, and print one row for each."""
    sys.stdout.write("| what | goal | before | now |\n|---|---|---|---|\n")
    for name in names or (*_CASES, *_STEPS):
        if name in _STEPS:
            from step_overhead import shares_of_step  # here: the children of a large process look large

            bookkeeping, data = shares_of_step(name)
            now = f"{bookkeeping:.1%} bookkeeping, {data:.1%} data"
            row = (f"a step of {name}", "4 % bookkeeping, 3 % data", _STEPS[name], now)
        else:
            case = _CASES[name]
            row = (case.heading, case.goal, case.before, _measured(case))
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


def _measured(case: Case) -> str:
    """Seconds, peak memory and, of a report, the size of its page."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, *case.command(Path(place))]
        for _ in range(1 + case.twice):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            if status:
                raise SystemExit(f"{case.heading} failed")
        size = sum(page.stat().st_size for page in Path(place).rglob("report.html")) / 1e6
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return f"{seconds:.2f} s, {memory:.0f} MB" + (f", {size:.1f} MB" if size else "")


if __name__ == "__main__":
    main(sys.argv[1:])
