"""Prints what everything but training costs, as a table: processor time, peak memory and size of the output.

python tests/benchmarks/overhead.py                 all of it, in some minutes
python tests/benchmarks/overhead.py list status     some of it

Processor time (user and system) and not the clock, which depends on what else the machine does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synthetic_store import Size, write_store

_GRID = f"rope[base={'|'.join(str(base) for base in range(100, 200))}]"
_TASKS = "recall,reverse,needle,selective_copy,flip_flop"


def _status(folder: Path) -> list[str]:
    write_store(folder / "store", Size(labels=50, tasks=20, seeds=5, sequences=2))
    return ["status", str(folder / "store")]


def _report(labels: int, tasks: int) -> Callable[[Path], list[str]]:
    def command(folder: Path) -> list[str]:
        write_store(folder / "store", Size(labels, tasks, seeds=5))
        return ["report", str(folder / "store")]

    return command


def _plan(folder: Path) -> list[str]:
    given = ["--plugins", _GRID, "--tasks", _TASKS, "--bodies", "encoder,decoder", "--seeds", "20"]
    return ["run", *given, "--preset", "smoke", "--store", str(folder / "none"), "--dry-run"]


_CASES: Mapping[str, tuple[str, Callable[[Path], list[str]]]] = {
    "list": ("list", lambda folder: ["list"]),
    "show": ("show relative", lambda folder: ["show", "relative"]),
    "status": ("status of 5,000 cells", _status),
    "plan": ("plan of 20,000 cells", _plan),
    "report-10": ("report of 1,000 cells with 10 labels", _report(10, 20)),
    "report-100": ("report of 1,000 cells with 100 labels", _report(100, 2)),
}


def main(names: Sequence[str]) -> None:
    """Measure the named cases, by default all, and print one row for each."""
    sys.stdout.write("| command | seconds of processor | peak MB | MB of HTML |\n|---|---|---|---|\n")
    for name in names or _CASES:
        heading, prepare = _CASES[name]
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-m", "posharness.cli", *prepare(Path(place))]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            if status:
                raise SystemExit(f"{heading} failed")
            size = sum(page.stat().st_size for page in Path(place).rglob("report.html")) / 1e6
        seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        sys.stdout.write(f"| {heading} | {seconds:.1f} | {memory:.0f} | {f'{size:.1f}' if size else '–'} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
