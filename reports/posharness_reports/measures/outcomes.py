"""How answers change when their source is changed, or everything else: shares over runs, by distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.buckets import Buckets
from posharness_reports.measures.run_counts import RunCounts, count_runs, mean_with_interval, sums

__all__ = ["FOLLOWED", "UNCHANGED", "Outcomes", "outcomes"]

FOLLOWED, UNCHANGED = "followed", "unchanged"

_SHARES: dict[tuple[str, str], tuple[str, ...]] = {
    ("source", FOLLOWED): ("followed",),
    ("source", "kept"): ("kept",),
    ("source", "broke"): ("broke",),
    ("others", UNCHANGED): ("followed", "kept"),
}
"""What is changed, and the name of a share of answers, to the outcomes that it counts."""

_POINT = ["seeds", "predictions", "share", "low", "high"]
_PLACE = ["task", "objective", "distance", "scope", "lengths", "change", "outcome", "label"]


@dataclass(frozen=True)
class Outcomes:
    """Shares of answers, with columns task, objective, distance, scope, lengths, change, outcome and label.

    Attributes:
        points: in each bucket of distances, the mean over runs with its 95 % interval.
        overall: over all distances.
    """

    points: pd.DataFrame
    overall: pd.DataFrame


def outcomes(frames: Frames) -> Outcomes:
    """The shares of answers that follow, are kept or break, and of those that stay."""
    points: list[dict[str, Any]] = []
    overall: list[dict[str, Any]] = []
    for about, rows in _parts(frames):
        distances = rows["dependency_length"].to_numpy()
        buckets = Buckets.of(distances)
        places = [{"bucket": name, "x": x} for name, x in zip(buckets.names, buckets.positions, strict=True)]
        index = buckets.index(distances)
        for (change, outcome), counted in _SHARES.items():
            of_change = (rows["change"] == change).to_numpy()
            own = rows[of_change].assign(value=rows["outcome"].isin(counted)[of_change])
            place = {**about, "change": change, "outcome": outcome}
            runs = dict(count_runs(own, index[of_change], len(places), "value"))
            points += _points(runs, place, places)
            together = {label: [run.in_one_bucket() for run in each] for label, each in runs.items()}
            overall += _points(together, place, [{}])
    return Outcomes(
        pd.DataFrame(points, columns=[*_PLACE, "bucket", "x", *_POINT]),
        pd.DataFrame(overall, columns=[*_PLACE, *_POINT]),
    )


def _parts(frames: Frames) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The rows of each task, objective and scope."""
    rows = frames.interventions
    cells = frames.cells.set_index("cell")
    rows = rows[rows["dependency_length"] >= 0] if len(rows) else rows
    rows = rows.assign(
        train_length=rows["cell"].map(cells["train_length"]).astype(float),
        distance=rows["cell"].map(cells["distance"]),
    )
    inside = rows["length"] == rows["train_length"]
    beyond = rows["length"] > rows["train_length"]
    for scope, chosen in zip(SCOPES, (inside, beyond), strict=True):
        for (task, objective), own in grouped(rows[chosen], ["task", "objective"]):
            lengths = ", ".join(map(str, sorted(own["length"].unique())))
            kind = own["distance"].iloc[0] or "dependency"
            yield (
                {
                    "task": task,
                    "objective": objective,
                    "distance": kind,
                    "scope": scope,
                    "lengths": lengths,
                },
                own,
            )


def _points(
    counted: Mapping[str, list[RunCounts]], about: dict[str, Any], places: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The mean over the runs of each label in each bucket."""
    for label, runs in counted.items():
        share, low, high = mean_with_interval(runs)
        predictions = sums(runs)[1]
        for b in np.flatnonzero(np.isfinite(share)):
            yield {**about, "label": label, **places[b]} | {
                "seeds": int((predictions[:, b] > 0).sum()),
                "predictions": int(predictions[:, b].sum()),
                "share": share[b],
                "low": low[b],
                "high": high[b],
            }
