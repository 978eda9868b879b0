"""The score of each run, by which labels are ranked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from posharness.contracts.columns import DECODINGS
from posharness_reports.data.grouping import matching
from posharness_reports.measures.accuracy import SCOPES, Measured

__all__ = ["AREA", "MEAN", "SCORES", "run_scores"]

AREA = "area under normalised accuracy by log distance"
MEAN = "normalised accuracy"

SCORES = ["outcome", "posed", "task", "objective", "part", "measure", "label", "seed", "value"]


def run_scores(
    measured: Measured,
    by_length: pd.DataFrame,
    posed: Mapping[str, str],
    free_running: Collection[tuple[str, str]],
) -> pd.DataFrame:
    """One number for each run and objective, at the training length; 0 is chance and 1 is perfect.

    It is the area under normalised accuracy by log distance, and the normalised accuracy where there are no
    dependency lengths in two buckets or more.

    Args:
        measured: accuracy by dependency length.
        by_length: the runs of `by_evaluation_length`.
        posed: the name in the store of each prepared task.
        free_running: task and objective of what was decoded free-running.

    Returns:
        Columns `SCORES`. `outcome` is the decoding; `part` names the prepared task and objective.
    """
    areas = matching(measured.areas, scope=SCOPES[0], distance="dependency")
    areas = areas[areas["area"].notna()].rename(columns={"area": "value"}).assign(measure=AREA)
    inside = by_length[by_length["length"] == by_length["train_length"]]
    means = inside.rename(columns={"normalised": "value"}).assign(measure=MEAN)
    with_area = set(zip(areas["task"], areas["objective"], strict=True))
    places = zip(means["task"], means["objective"], strict=True)
    means = means[[place not in with_area for place in places]]
    wanted = ["task", "objective", "measure", "label", "seed", "value"]
    rows = pd.concat(
        [frame[wanted] for frame in (areas, means) if len(frame)] or [pd.DataFrame(columns=wanted)]
    )
    rows = rows.astype({"task": str, "objective": str, "label": str}).reset_index(drop=True)
    keys = list(zip(rows["task"], rows["objective"], strict=True))
    return rows.assign(
        outcome=[DECODINGS[key in free_running] for key in keys],
        posed=[posed.get(task, task) for task, _ in keys],
        part=[f"{task}\x1f{objective}" for task, objective in keys],
    )[SCORES]
