"""How runs learn: when they reach an accuracy, and how much the norm of their gradient varies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy import ndarray

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped
from posharness_reports.measures.statistics import normalised

__all__ = ["REACHED", "steps_to"]

Array = ndarray[Any, Any]

REACHED = 0.5
"""The normalised validation accuracy that a run must reach: half of the way from chance to perfect."""

_COLUMNS = ["task", "objective", "label", "seed", "step", "seconds", "precision", "gradient_spread"]


def steps_to(frames: Frames, threshold: float) -> pd.DataFrame:
    """When each finished run first reaches a normalised accuracy.

    Accuracy is interpolated between the first validation that is good enough and the one before it, or the
    start of training, at which it is 0.

    Args:
        frames: prepared.
        threshold: from 0 (chance) to 1 (perfect).

    Returns:
        Columns task, objective, label, seed; `step` and `seconds` of training until then, NaN for a run that
        does not get there; `precision`, the standard deviation of the binary logarithm of the step if it is
        anywhere between these two validations; and `gradient_spread`, the standard deviation of the natural
        logarithm of the gradient norm over the logged steps.
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
        first = _crossing(scores, ordered[["step", "seconds"]].to_numpy(float), threshold)
        norms = ordered["gradient_norm"].to_numpy(float)
        norms = np.log(norms[norms > 0])
        spread = float(norms.std(ddof=1)) if len(norms) > 1 else np.nan
        rows.append((str(task), str(objective), str(label), int(seed), *map(float, first), spread))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _crossing(
    scores: Float[Array, " v"], places: Float[Array, "v 2"], threshold: float
) -> tuple[float, float, float]:
    """Step and seconds at which scores first reach the threshold, and the precision of the step; or NaN."""
    known = np.isfinite(scores)
    scores, places = np.append(0.0, scores[known]), np.vstack([np.zeros(2), places[known]])
    if not (scores >= threshold).any():
        return np.nan, np.nan, np.nan
    i = int(np.argmax(scores >= threshold))
    share = (threshold - scores[i - 1]) / (scores[i] - scores[i - 1])
    step, seconds = places[i - 1] + share * (places[i] - places[i - 1])
    return float(step), float(seconds), _log_spread(float(places[i - 1, 0]), float(places[i, 0]))


def _log_spread(low: float, high: float) -> float:
    """The standard deviation of the binary logarithm of a uniform value between `low` ≥ 0 and `high`.

    It is near (log₂ high − log₂ low)/√12 for a narrow interval, and 1/ln 2 for one that starts at 0.
    """
    first, second = (
        (high * _moment(high, k) - (low * _moment(low, k) if low > 0 else 0.0)) / (high - low) for k in (1, 2)
    )
    return float(np.sqrt(max(second - first**2, 0.0)) / np.log(2))


def _moment(x: float, k: int) -> float:
    """1/x times the integral of ln x (k = 1) or of its square (k = 2) from 0 to x."""
    log = np.log(x)
    return float(log - 1 if k == 1 else log**2 - 2 * log + 2)
