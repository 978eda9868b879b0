"""Prints what a store says of each task as an instrument, as a Markdown table: a row for each distance.

harness run --config calibration --store calibration
python tests/benchmarks/instrument_table.py calibration

Where several stores are given, what they hold is put together. Columns, at one and two training lengths, as
means over seeds and teacher-forced: chance and blind accuracy; the best accuracy of an encoding; and, of the
encodings that solve the task at this distance (accuracy .95), the least share of answers that follow when the
source is changed, the largest that are kept, and the least that stay when everything else is changed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pandas as pd

import posharness

SOLVED = 0.95
FACTORS = (1.0, 2.0)
_HEADINGS = (
    *("task", "body", "length", "distance", "chance", "blind", "best", "of"),
    *("solved by", "followed", "kept", "unchanged"),
)
_PLACE = ["task", "body", "factor", "dependency_length"]


def instrument(stores: Sequence[str]) -> pd.DataFrame:
    """A row for each task, body, multiple of the training length and distance.

    Returns:
        Columns chance, blind, best, label (of the best), solved (encodings that solve it), followed, kept,
        unchanged; the last three are NaN where no encoding solves the task or the task has no interventions.
    """
    loaded = [posharness.load(store) for store in stores]
    trained = pd.concat([results.cells for results in loaded]).set_index("cell")["train_length"].astype(float)
    asked, changed = (
        _placed(pd.concat([getattr(results, name) for results in loaded]), trained)
        for name in ("predictions", "interventions")
    )
    runs = _mean(asked, ["correct", "chance", "blind"])
    changed = changed.assign(
        followed=changed["outcome"] == "followed",
        kept=changed["outcome"] == "kept",
        unchanged=changed["outcome"] != "broke",
    )
    source, others = (changed[changed["change"] == change] for change in ("source", "others"))
    runs = runs.join(_mean(source, ["followed", "kept"])).join(_mean(others, ["unchanged"])).reset_index()
    return pd.DataFrame(
        [
            dict(zip(_PLACE, place, strict=True)) | _row(rows)
            for place, rows in runs.groupby(_PLACE, sort=False)
        ]
    )


def _placed(rows: pd.DataFrame, trained: pd.Series[float]) -> pd.DataFrame:
    rows = rows[(rows["decoding"] == "teacher-forced") & (rows["dependency_length"] >= 0)]
    rows = rows.assign(factor=rows["length"] / rows["cell"].astype(str).map(trained))
    return rows[rows["factor"].isin(FACTORS)].astype({"task": str, "body": str, "label": str})


def _mean(rows: pd.DataFrame, values: list[str]) -> pd.DataFrame:
    """The mean over the seeds of each label."""
    keys = [*_PLACE, "label"]
    by_run = rows.astype(dict.fromkeys(values, float)).groupby([*keys, "seed"])[values].mean()
    return by_run.groupby(keys).mean()


def _row(rows: pd.DataFrame) -> dict[str, object]:
    best = rows.loc[rows["correct"].idxmax()]
    solved = rows[rows["correct"] >= SOLVED]
    return {
        "chance": rows["chance"].mean(),
        "blind": rows["blind"].mean(),
        "best": best["correct"],
        "label": best["label"],
        "solved": len(solved),
        "followed": solved["followed"].min(),
        "kept": solved["kept"].max(),
        "unchanged": solved["unchanged"].min(),
    }


def main(stores: Sequence[str]) -> None:
    """Print the table."""
    table = instrument(stores)
    write(f"| {' | '.join(_HEADINGS)} |")
    write("|---" * len(_HEADINGS) + "|")
    for row in table.itertuples(index=False):
        rates = (_said(row.chance), _said(row.blind), _said(row.best), row.label, row.solved or "none")
        outcomes = (_said(row.followed), _said(row.kept), _said(row.unchanged))
        place = (row.task, row.body, f"{row.factor:g}×", row.dependency_length)
        write(f"| {' | '.join(map(str, (*place, *rates, *outcomes)))} |")


def write(line: str) -> None:
    """Give a line out."""
    sys.stdout.write(line + "\n")


def _said(share: float) -> str:
    return "–" if pd.isna(share) else f"{share:.3f}".removeprefix("0")


if __name__ == "__main__":
    main(sys.argv[1:])
