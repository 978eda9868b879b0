"""The score of each run, by which labels are ranked: at the training length, and beyond it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from posharness.contracts.columns import DECODINGS
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.measures.accuracy import SCOPES, Measured

__all__ = ["AREA", "MEAN", "NO_DISTANCES", "SCORES", "run_scores"]

AREA = "area under normalised accuracy by log distance"
MEAN = "normalised accuracy"

NO_DISTANCES = ", without dependency lengths"
"""What follows the decoding where tasks without dependency lengths are ranked apart."""

SCORES = [
    "ranked_as",
    "decoding",
    "scope",
    "posed",
    "task",
    "objective",
    "part",
    "measure",
    "label",
    "seed",
    "value",
]

_WANTED = ["scope", "task", "objective", "measure", "label", "seed", "value"]


def run_scores(
    measured: Measured,
    by_length: tuple[pd.DataFrame, pd.DataFrame],
    posed: Mapping[str, str],
    free_running: Collection[tuple[str, str]],
) -> pd.DataFrame:
    """Up to two numbers for each run and objective; 0 is blind and 1 is perfect.

    At the training length it is the area under normalised accuracy by log distance, and the normalised
    accuracy where there are no dependency lengths in two buckets or more. Beyond the training length it is
    the mean of normalised accuracy over the longer lengths. A label that is undefined at one of these has no
    value there.

    Args:
        measured: accuracy by dependency length.
        by_length: the points and runs of `by_evaluation_length`.
        posed: the name in the store of each prepared task.
        free_running: task and objective of what was decoded free-running.

    Returns:
        Columns `SCORES`. `part` names the prepared task and objective. `ranked_as` names what is
        ranked together over tasks: the decoding and, where any task has dependency lengths,
        `NO_DISTANCES` for those that have none. These have spans, or are controls, and do not say how far
        information is carried.
    """
    points, runs = by_length
    areas = matching(measured.areas, scope=SCOPES[0], distance="dependency")
    areas = areas[areas["area"].notna()].rename(columns={"area": "value"}).assign(measure=AREA)
    means = runs[runs["length"] == runs["train_length"]].rename(columns={"normalised": "value"})
    means = means.assign(measure=MEAN, scope=SCOPES[0])
    with_area = set(zip(areas["task"], areas["objective"], strict=True))
    places = zip(means["task"], means["objective"], strict=True)
    means = means[[place not in with_area for place in places]]
    frames = [frame[_WANTED] for frame in (areas, means, _beyond(points, runs)) if len(frame)]
    rows = pd.concat(frames or [pd.DataFrame(columns=_WANTED)])
    rows = rows.astype({"task": str, "objective": str, "label": str}).reset_index(drop=True)
    keys = list(zip(rows["task"], rows["objective"], strict=True))
    decoding = [DECODINGS[key in free_running] for key in keys]
    apart = ["" if key in with_area or not with_area else NO_DISTANCES for key in keys]
    return rows.assign(
        ranked_as=[name + suffix for name, suffix in zip(decoding, apart, strict=True)],
        decoding=decoding,
        posed=[posed.get(task, task) for task, _ in keys],
        part=[f"{task}\x1f{objective}" for task, objective in keys],
    )[SCORES]


def _beyond(points: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The mean over the longer lengths of each run, for the labels that are defined at all of them."""
    lacking = points[points["undefined"] & (points["length"] > points["train_length"])]
    undefined = {
        (str(task), str(objective), str(label)): set(rows["length"])
        for (task, objective, label), rows in grouped(lacking, ["task", "objective", "label"])
    }
    longer = runs[runs["length"] > runs["train_length"]]
    found = []
    for (task, objective), rows in grouped(longer, ["task", "objective"]):
        lengths = set(rows["length"])
        for (label, seed), own in grouped(rows, ["label", "seed"]):
            if not lengths & undefined.get((str(task), str(objective), str(label)), set()):
                found.append((SCOPES[1], task, objective, MEAN, label, seed, own["normalised"].mean()))
    return pd.DataFrame(found, columns=_WANTED)
