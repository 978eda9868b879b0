"""Prints the calibration as a Markdown table, every number from the store that `--config calibration` filled.

harness run --config calibration --store calibration
python tests/benchmarks/calibration_table.py calibration

Where several stores are given, what they hold is put together.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pandas as pd

import posharness

SOLVED = 0.95
APART = 0.8


def accuracies(stores: Sequence[str]) -> pd.DataFrame:
    """Means over the seeds, teacher-forced where a task is emitted symbol by symbol.

    Returns:
        A row for each task, body and multiple of the training length; a column for each label, and "chance".
    """
    loaded = [posharness.load(store) for store in stores]
    rows = pd.concat([results.predictions for results in loaded])
    rows = rows[rows["decoding"] == "teacher-forced"]
    trained = pd.concat([results.cells for results in loaded]).set_index("cell")["train_length"]
    rows = rows.assign(factor=rows["length"] / rows["cell"].map(trained).astype(float))
    by_run = rows.groupby(["task", "body", "factor", "label", "seed"], observed=True, sort=False)
    means = by_run.agg(correct=("correct", "mean"), chance=("chance", "mean")).reset_index()
    table = means.pivot_table(
        index=["task", "body", "factor"], columns="label", values="correct", observed=True
    )
    table["chance"] = means.groupby(["task", "body", "factor"], observed=True)["chance"].mean()
    return table


def write(line: str) -> None:
    """Give a line out."""
    sys.stdout.write(line + "\n")


def main(stores: Sequence[str]) -> None:
    """Print the table."""
    table = accuracies(stores)
    labels = [label for label in table.columns if label != "chance"]
    write(f"| task | body | chance | {' | '.join(labels)} | solved by | told apart |")
    write("|---" * (len(labels) + 5) + "|")
    for task, body in table.index.droplevel("factor").unique():
        own = table.loc[(task, body)]
        near, far = own.loc[1.0], own.loc[2.0] if 2.0 in own.index else own.loc[1.0] * float("nan")
        cells = [f"{_said(near[label])} / {_said(far[label])}" for label in labels]
        solved = [label for label in labels if near[label] >= SOLVED]
        apart = [label for label in labels if near[label] < APART or far[label] < APART]
        write(
            f"| {task} | {body} | {near['chance']:.3f} | {' | '.join(cells)} "
            f"| {len(solved) or 'none'} | {len(apart) or 'none'} |"
        )


def _said(accuracy: float) -> str:
    return "–" if pd.isna(accuracy) else f"{accuracy:.3f}".removeprefix("0")


if __name__ == "__main__":
    main(sys.argv[1:])
