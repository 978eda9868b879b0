"""Prints what a store says of each task as an instrument, as a Markdown table by distance.

harness run --config calibration --store calibration
python tests/benchmarks/instrument_table.py calibration

Where several stores are given, what they hold is put together. Columns, at one and two training lengths, as
means over seeds and teacher-forced: chance and blind accuracy; the best accuracy of an encoding. Further, as
means over the encodings that surely solve the task at these distances (accuracy of .95, two standard errors
below what was measured): the shares of answers that follow when the source is changed (and the least of one
encoding), that are kept, and that stay when all else is changed.
Distances are in buckets that double in width (1, 2 to 3, 4 to 7, …), named by the nearest and the farthest
distance that occurs in them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd

import posharness

__all__ = ["FACTORS", "SOLVED", "instrument", "instrument_markdown", "share"]

SOLVED = 0.95
FACTORS = (1.0, 2.0)
_HEADINGS = (
    *("task", "body", "length", "distance", "predictions", "chance", "blind", "best", "of"),
    *("solved by", "intervened", "followed", "least", "kept", "unchanged"),
)
_PLACE = ["task", "body", "factor", "bucket"]


def instrument(stores: Sequence[str]) -> pd.DataFrame:
    """A row for each task, body, multiple of the training length and bucket of distances.

    Returns:
        Columns distance (the bucket's name), predictions (of one encoding, all seeds), chance, blind, best,
        label (of the best), solved (encodings that solve it), intervened (predictions of these whose source
        was changed), followed, least (followed), kept, unchanged; the last five are 0 or NaN where no
        encoding solves the task or the task has no interventions.
    """
    loaded = [posharness.load(store) for store in stores]
    trained = pd.concat([results.cells for results in loaded]).set_index("cell")["train_length"].astype(float)
    asked, changed = (
        _placed(pd.concat([getattr(results, name) for results in loaded]), trained)
        for name in ("predictions", "interventions")
    )
    runs = _mean(asked, ["correct", "chance", "blind"])
    runs["predictions"] = asked.groupby([*_PLACE, "label"]).size()
    occurring = asked.groupby([*_PLACE, "label"])["dependency_length"]
    runs["nearest"], runs["farthest"] = occurring.min(), occurring.max()
    changed = changed.assign(
        followed=changed["outcome"] == "followed",
        kept=changed["outcome"] == "kept",
        unchanged=changed["outcome"] != "broke",
    )
    source, others = (changed[changed["change"] == change] for change in ("source", "others"))
    runs["intervened"] = source.groupby([*_PLACE, "label"]).size()
    runs = runs.join(_mean(source, ["followed", "kept"])).join(_mean(others, ["unchanged"])).reset_index()
    return pd.DataFrame(
        [
            dict(zip(_PLACE, place, strict=True)) | _row(rows)
            for place, rows in runs.groupby(_PLACE, sort=True)
        ]
    )


def instrument_markdown(stores: Sequence[str]) -> str:
    """The table, as Markdown."""
    lines = [f"| {' | '.join(_HEADINGS)} |", "|---" * len(_HEADINGS) + "|"]
    for row in instrument(stores).itertuples(index=False):
        rates = (share(row.chance), share(row.blind), share(row.best), row.label, row.solved or "none")
        followed = (row.intervened or "–", share(row.followed), share(row.least))
        outcomes = (*followed, share(row.kept), share(row.unchanged))
        place = (row.task, row.body, f"{row.factor:g}×", row.distance, row.predictions)
        lines.append(f"| {' | '.join(map(str, (*place, *rates, *outcomes)))} |")
    return "\n".join(lines)


def share(value: float) -> str:
    """Three decimals without the zero before them."""
    return "–" if pd.isna(value) else f"{value:.3f}".removeprefix("0")


def _placed(rows: pd.DataFrame, trained: pd.Series[float]) -> pd.DataFrame:
    rows = rows[(rows["decoding"] == "teacher-forced") & (rows["dependency_length"] >= 0)]
    rows = rows.assign(factor=rows["length"] / rows["cell"].astype(str).map(trained).astype(float))
    distance = rows["dependency_length"].clip(lower=0.5)
    rows = rows.assign(bucket=np.floor(np.log2(distance)).astype(int))
    return rows[rows["factor"].isin(FACTORS)].astype({"task": str, "body": str, "label": str})


def _mean(rows: pd.DataFrame, values: list[str]) -> pd.DataFrame:
    """The mean over the seeds of each label."""
    keys = [*_PLACE, "label"]
    by_run = rows.astype(dict.fromkeys(values, float)).groupby([*keys, "seed"])[values].mean()
    return by_run.groupby(keys).mean()


def _row(rows: pd.DataFrame) -> dict[str, object]:
    best = rows.loc[rows["correct"].idxmax()]
    error = (rows["correct"] * (1 - rows["correct"]) / rows["predictions"]) ** 0.5
    solved = rows[rows["correct"] - 2 * error >= SOLVED]
    nearest, farthest = rows["nearest"].min(), rows["farthest"].max()
    return {
        "distance": str(nearest) if nearest == farthest else f"{nearest}–{farthest}",
        "predictions": int(best["predictions"]),
        "chance": rows["chance"].mean(),
        "blind": rows["blind"].mean(),
        "best": best["correct"],
        "label": best["label"],
        "solved": len(solved),
        "intervened": int(solved["intervened"].sum()),
        "followed": solved["followed"].mean(),
        "least": solved["followed"].min(),
        "kept": solved["kept"].mean(),
        "unchanged": solved["unchanged"].mean(),
    }


if __name__ == "__main__":
    sys.stdout.write(instrument_markdown(sys.argv[1:]) + "\n")
