"""Prints the time of whole commands by two versions of the program, which take turns, as a Markdown table.

python tests/benchmarks/commands.py OLD/bin/harness NEW/bin/harness --treebank FOLDER
python tests/benchmarks/commands.py NEW/bin/harness NEW/bin/harness --workers 1 2

OLD and NEW are environments with one version each (`git worktree add OLD-SOURCE COMMIT`); FOLDER holds a
treebank as en_ewt-ud-train.conllu and en_ewt-ud-dev.conllu, and without it that command is left out. Every
turn has a fresh store, and no report is compiled. With --workers, the two differ in the number of cells at
a time. The ratio is the first's time over the second's: above 1, the second is faster. A version that tests
each model again with its sources changed takes time for that, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

__all__ = ["main"]

_EACH = ("--seeds", "1", "--no-report")
_STEPS = {"recall": 400, "copy": 800, "flip_flop": 500, "needle": 400}


def commands(treebank: Path | None) -> dict[str, tuple[str, ...]]:
    """The commands, by what they are called in the table: the same settings in all versions."""
    tasks = tuple(
        argument
        for task, steps in _STEPS.items()
        for key, value in (("steps", steps), ("batch", 32), ("test_sequences", 256))
        for argument in ("--set", f"task.{task}.budget.{key}={value}")
    )
    readme = ("--plugins", "rpe,absolute", "--tasks", "copy,offset_recall")
    calibration = ("--preset", "standard", "--plugins", "relative,alibi", "--tasks", ",".join(_STEPS), *tasks)
    found = {"README, two tasks": (*readme, *_EACH), "calibration, four tasks": (*calibration, *_EACH)}
    if treebank:
        texts = {f"--{name}": treebank / f"en_ewt-ud-{part}.conllu" for name, part in _PARTS.items()}
        given = tuple(argument for pair in texts.items() for argument in map(str, pair))
        short = ("--set", "task.bert.budget.steps=200", "--set", "task.bert.budget.validate_every=100")
        named = ("--config", "treebank", "--plugins", "absolute,relative", "--readings", "heads")
        found["treebank, 200 steps"] = (*named, *given, *short, *_EACH)
    return found


_PARTS = {"corpus": "train", "treebank": "dev"}


def seconds(harness: str, command: tuple[str, ...], workers: int) -> float:
    """The time of one command by the clock, in a fresh store."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        subprocess.run(
            [harness, "run", *command, "--workers", str(workers), "--store", f"{folder}/store"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("harness", nargs=2)
    parser.add_argument("--treebank", type=Path)
    parser.add_argument("--workers", nargs=2, type=int, default=[2, 2])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", default="", help="the start of the names of the commands to measure")
    given = parser.parse_args()
    both = list(zip(given.harness, given.workers, strict=True))
    sys.stdout.write("| command | first s | second s | ratio | spread |\n|---|---|---|---|---|\n")
    for name, command in commands(given.treebank).items():
        if not name.startswith(given.only):
            continue
        turns = [[seconds(harness, command, count) for harness, count in both] for _ in range(given.turns)]
        first, second = (median(column) for column in zip(*turns, strict=True))
        ratios = sorted(one / two for one, two in turns)
        spread = f"{ratios[0]:.2f}–{ratios[-1]:.2f}"
        sys.stdout.write(f"| {name} | {first:.0f} | {second:.0f} | {median(ratios):.2f} | {spread} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
