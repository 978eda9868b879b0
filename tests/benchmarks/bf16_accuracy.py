"""Prints the accuracy of tiny models trained in f32 and in bf16, seed by seed, as a Markdown table.

    python tests/benchmarks/bf16_accuracy.py [--seeds 6] [--workers 1]

One task is solved in these steps and one is not. Both precisions of a seed start with the same weights and
train on the same data; the last column is the mean difference with its 95 % interval (Student's t).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import t

import posharness

_TASKS = {"offset_recall": 200, "copy": 300}
_PRECISIONS = ("32-true", "bf16-mixed")


def accuracies(task: str, precision: str, seeds: int, workers: int, store: Path) -> list[float]:
    """The accuracy at the training length of each seed."""
    settings = {
        "seeds": seeds,
        "trainer": {"precision": precision},
        "task": {task: {"budget": {"steps": _TASKS[task]}}},
    }
    found = posharness.run(["relative"], tasks=[task], store=store, workers=workers, overrides=settings)
    rows = found.predictions.merge(found.cells[["cell", "train_length"]], on="cell")
    rows = rows[(rows["length"] == rows["train_length"]) & (rows["decoding"] == "teacher-forced")]
    by_seed: list[float] = rows.groupby("seed")["correct"].mean().tolist()
    return by_seed


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(
        "| task | steps | f32 (deviation of seeds) | bf16 | bf16 − f32 |\n|---|---|---|---|---|\n"
    )
    for task, steps in _TASKS.items():
        with tempfile.TemporaryDirectory() as folder:
            full, short = (
                accuracies(task, precision, given.seeds, given.workers, Path(folder) / "store")
                for precision in _PRECISIONS
            )
        differences = [b - a for a, b in zip(full, short, strict=True)]
        half = t.ppf(0.975, given.seeds - 1) * stdev(differences) / given.seeds**0.5
        both = " | ".join(f"{fmean(values):.3f} ({stdev(values):.3f})" for values in (full, short))
        sys.stdout.write(f"| {task} | {steps} | {both} | {fmean(differences):+.3f} ± {half:.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
