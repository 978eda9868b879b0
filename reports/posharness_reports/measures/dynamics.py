"""How runs learn: when they reach an accuracy, and how much the norm of their gradient varies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped
from posharness_reports.measures.statistics import normalised

__all__ = ["REACHED", "steps_to"]

REACHED = 0.5
"""The normalised validation accuracy that a run must reach: half of the way from chance to perfect."""

_COLUMNS = ["task", "objective", "label", "seed", "step", "seconds", "gradient_spread"]


def steps_to(frames: Frames, threshold: float) -> pd.DataFrame:
    """The first validation at which each finished run reaches a normalised accuracy.

    Args:
        frames: prepared.
        threshold: from 0 (chance) to 1 (perfect).

    Returns:
        Columns task, objective, label, seed; `step` and `seconds` of training until then, NaN for a run that
        does not get there; and `gradient_spread`, the standard deviation of the natural logarithm of the
        gradient norm over the logged steps.
    """
    chances = frames.predictions.groupby(["task", "objective"], observed=True)["chance"].mean()
    done = set(frames.cells.loc[frames.cells["status"] == "done", "cell"])
    curves = frames.curves[frames.curves["cell"].isin(done)]
    rows: list[tuple[Any, ...]] = []
    for (task, objective, label, seed), own in grouped(curves, ["task", "objective", "label", "seed"]):
        scores = own["validation_score"].to_numpy(float)
        if (task, objective) not in chances.index or not np.isfinite(scores).any():
            continue
        ordered = own.sort_values("step", kind="stable")
        scores = normalised(ordered["validation_score"].to_numpy(float), np.asarray(chances[task, objective]))
        good = ordered[scores >= threshold]
        first = good.iloc[0][["step", "seconds"]].tolist() if len(good) else [np.nan, np.nan]
        norms = ordered["gradient_norm"].to_numpy(float)
        norms = np.log(norms[norms > 0])
        spread = float(norms.std(ddof=1)) if len(norms) > 1 else np.nan
        rows.append((str(task), str(objective), str(label), int(seed), *map(float, first), spread))
    return pd.DataFrame(rows, columns=_COLUMNS)
