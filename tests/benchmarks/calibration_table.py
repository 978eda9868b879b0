"""Prints the calibration as Markdown tables, every number from the store that `--config calibration` filled.

harness run --config calibration --store calibration
python tests/benchmarks/calibration_table.py calibration           print the tables
python tests/benchmarks/calibration_table.py calibration --write   and write them into PAGE

PAGE is docs/results/calibration.md. Where several stores are given, what they hold is put together. There are
three parts: the runs and their time; accuracy by encoding at one and two training lengths, with the number of
seeds that learned; and what `instrument_table` says of each task by distance.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import posharness

if __package__:
    from .instrument_table import FACTORS, SOLVED, instrument_markdown, share
else:
    from instrument_table import FACTORS, SOLVED, instrument_markdown, share

__all__ = ["APART", "PAGE", "accuracies", "accuracy_markdown", "filled", "main", "parts"]

APART = 0.8
PAGE = Path(__file__).parents[2] / "docs" / "results" / "calibration.md"
_TASK = ["task", "body"]


def accuracies(stores: Sequence[str]) -> pd.DataFrame:
    """Accuracy of each run, teacher-forced where a task is emitted symbol by symbol.

    Returns:
        Columns task, body, label, seed, factor (1 or 2 training lengths), correct and blind.
    """
    loaded = [posharness.load(store) for store in stores]
    rows = pd.concat([results.predictions for results in loaded])
    rows = rows[rows["decoding"] == "teacher-forced"]
    trained = pd.concat([results.cells for results in loaded]).set_index("cell")["train_length"]
    rows = rows.assign(factor=rows["length"] / rows["cell"].map(trained).astype(float))
    rows = rows[rows["factor"].isin(FACTORS)]
    by_run = rows.groupby([*_TASK, "label", "seed", "factor"], observed=True)
    return by_run.agg(correct=("correct", "mean"), blind=("blind", "mean")).reset_index()


def accuracy_markdown(stores: Sequence[str]) -> str:
    """A row for each task: means over the seeds at both lengths, and the seeds that learned."""
    runs = accuracies(stores)
    labels = sorted(runs["label"].unique())
    head = ["task", "body", "blind", *labels, "solved by", "told apart"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for (task, body), own in runs.groupby(_TASK, observed=True):
        near, far = (own[own["factor"] == factor] for factor in FACTORS)
        means, beyond = (part.groupby("label", observed=True)["correct"].mean() for part in (near, far))
        learned = near["correct"].ge(SOLVED).groupby(near["label"], observed=True).sum()
        entries = [
            f"{share(means[label])} / {share(beyond.get(label, float('nan')))} ({learned[label]})"
            if label in means
            else "–"
            for label in labels
        ]
        solved = sum(means >= SOLVED)
        apart = sum(means[label] < APART or beyond.get(label, 1.0) < APART for label in means.index)
        blind = share(near["blind"].mean())
        lines.append(
            f"| {task} | {body} | {blind} | {' | '.join(entries)} | {solved or 'none'} | {apart or 'none'} |"
        )
    return "\n".join(lines)


def runs_sentence(stores: Sequence[str]) -> str:
    """How many runs there are, how they ended, and how long their trainings took."""
    cells = pd.concat([posharness.load(store).cells for store in stores])
    ended = ", ".join(f"{count} {status}" for status, count in cells["status"].value_counts().items())
    minutes = (cells["steps"] * cells["step_ms"]).sum() / 60_000
    return (
        f"{len(cells)} runs ({ended}), {cells['seed'].nunique()} seeds; their training steps took "
        f"{minutes:.0f} minutes of processor time, without tests."
    )


def parts(stores: Sequence[str]) -> dict[str, str]:
    """The parts of the page, by the names of their marks."""
    return {
        "runs": runs_sentence(stores),
        "accuracy": accuracy_markdown(stores),
        "instrument": instrument_markdown(stores),
    }


def filled(page: str, made: dict[str, str]) -> str:
    """The page with each part between its marks, `<!-- measured: NAME -->` and `<!-- end -->`."""
    for name, text in made.items():
        mark = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, count = mark.subn(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
        if count != 1:
            raise ValueError(f"the page has {count} places for the part {name}")
    return page


def main(given: Sequence[str]) -> None:
    """Print the tables of the stores, and with --write put them into the page."""
    made = parts([name for name in given if name != "--write"])
    sys.stdout.write("\n\n".join(made.values()) + "\n")
    if "--write" in given:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), made), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
