"""The share of sequences of which every scored prediction is right, by evaluation length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.measures.run_counts import count_runs, mean_with_interval, sums

__all__ = ["whole_sequences"]

_COLUMNS = [
    *("task", "objective", "length", "train_length", "label"),
    *("seeds", "sequences", "per_sequence", "share", "low", "high"),
]


def whole_sequences(frames: Frames) -> pd.DataFrame:
    """The mean over runs of the share of sequences that are right as a whole, with its 95 % interval.

    Predictions of one objective and decoding count together: a free-running decoder is right where it emits
    all that is asked for.

    Returns:
        Columns task, objective, length, train_length, label, seeds, sequences, per_sequence (mean number of
        predictions), share, low, high. Objectives with one prediction a sequence are left out: for them the
        share is the accuracy.
    """
    rows = matching(frames.predictions, split="test")
    cells = frames.cells.set_index("cell")
    found: list[dict[str, Any]] = []
    for (task, objective, length), own in grouped(rows, ["task", "objective", "length"]):
        runs = own.groupby(["label", "seed", "length", "sequence"], observed=True, as_index=False)
        whole = runs.agg(correct=("correct", "all"), predictions=("correct", "size"))
        if (whole["predictions"] == 1).all():
            continue
        per_sequence = whole.groupby("label", observed=True)["predictions"].mean()
        trained = float(cells["train_length"].get(own["cell"].iloc[0], np.nan))
        for label, counted in count_runs(whole, np.zeros(len(whole), int), 1):
            share, low, high = mean_with_interval(counted)
            found.append(
                {
                    "task": task,
                    "objective": objective,
                    "length": int(length),
                    "train_length": trained,
                    "label": label,
                    "seeds": len(counted),
                    "sequences": int(sums(counted)[1].sum()),
                    "per_sequence": float(per_sequence[label]),
                    "share": share[0],
                    "low": low[0],
                    "high": high[0],
                }
            )
    return pd.DataFrame(found, columns=_COLUMNS)
