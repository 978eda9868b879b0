"""The data of a report: numbers as numbers, one column for each quantity, for programs and other reports."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from posharness_reports.compile.inert_csv import inert_csv
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.data.prepare import settings_text
from posharness_reports.measures.ranking import Pair, Ranking, Rankings
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.claims.sides import SEPARATOR
from posharness_reports.sections.claims.verdicts import ClaimContrast, judge_claims
from posharness_reports.study import Study

__all__ = ["data_files", "data_frames", "ranking_frames", "read_data", "verdict_frame"]

_CELL = (
    *("cell", "label", "encoding", "attention", "body", "task", "seed", "status", "reason", "family"),
    *("parameters", "encoding_parameters", "steps", "seconds", "step_ms", "step_wall_ms"),
    *("train_length", "max_length", "score"),
    *MADE_WITH,
    *("started", "version", "task_version", "pretrained", "settings"),
)
_OVER_TASKS = ""


def data_frames(study: Study, judged: Sequence[ClaimContrast] | None = None) -> dict[str, pd.DataFrame]:
    """Name to frame.

    - `cells`: what was run, one row a cell; `settings` as text.
    - `scores`: the score of each run (`posharness_reports.measures.scores`).
    - `accuracy-by-distance`, `accuracy-by-length`: means over runs with 95 % intervals;
      with `-runs`, each run.
    - `reach`: area under normalised accuracy by log distance and reach, with 95 % intervals.
    - `changes`: normalised accuracy at other lengths, minus that at the training length.
    - `interventions`: the share of answers that follow, are kept and break when the source is changed.
    - `ranking`: the labels of each ranking with their ranks; `task` is empty over tasks, and
      `objective` is then the decoding.
    - `pairs`: all pairs of each ranking. `error` and `freedom` are the standard error of the difference and
      its degrees of freedom, `p` is corrected.
    - `verdicts`: each contrast of each claim, with the labels of its sides and the tasks of its effect.

    Args:
        judged: the contrasts of the study's claims, if they are known already.
    """
    trained = study.trained
    distance, (by_length, length_runs) = study.by_distance, study.by_length
    frames = {
        "cells": _cells(study.cells),
        "scores": trained.scores.drop(columns=["part"]),
        "accuracy-by-distance": distance.points,
        "accuracy-by-distance-runs": distance.runs,
        "accuracy-by-length": by_length,
        "accuracy-by-length-runs": length_runs,
        "reach": distance.reach,
        "changes": trained.changes,
        "interventions": trained.outcomes.overall,
        **ranking_frames(trained.rankings),
        "verdicts": verdict_frame(trained, judged),
    }
    ends = {"low": "low_95", "high": "high_95", "area_low": "area_low_95", "area_high": "area_high_95"}
    return {name: frame.rename(columns=ends).reset_index(drop=True) for name, frame in frames.items()}


def data_files(frames: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """The frames as CSV and Parquet, by their path in the report."""
    files = {}
    for name, frame in frames.items():
        files[f"data/{name}.csv"] = inert_csv(frame)
        files[f"data/{name}.parquet"] = _parquet(frame)
    return files


def read_data(files: Mapping[str, bytes]) -> dict[str, pd.DataFrame]:
    """The frames of a report from its files, by their path in the report."""
    return {
        path.removeprefix("data/").removesuffix(".parquet"): pd.read_parquet(io.BytesIO(content))
        for path, content in files.items()
        if path.startswith("data/") and path.endswith(".parquet")
    }


def _parquet(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written, index=False)
    return written.getvalue()


def _cells(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[list(_CELL)].assign(settings=[settings_text(settings) for settings in cells["settings"]])


def ranking_frames(rankings: Rankings) -> dict[str, pd.DataFrame]:
    """The frames `ranking` and `pairs` of `data_frames`."""
    return {"ranking": _ranking(rankings), "pairs": _pairs(rankings)}


def _rankings(rankings: Rankings) -> Iterator[tuple[dict[str, str], Ranking]]:
    for (decoding, scope), ranking in rankings.overall.items():
        yield {"task": _OVER_TASKS, "objective": decoding, "scope": scope}, ranking
    for (task, objective, scope), ranking in rankings.each.items():
        yield {"task": task, "objective": objective, "scope": scope}, ranking


def _ranking(rankings: Rankings) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for where, ranking in _rankings(rankings):
        ranks = ranking.ranks(ALPHA)
        for row in ranking.means.to_dict("records"):
            best, worst = ranks[row["label"]]
            rows.append(
                {
                    **where,
                    "label": row["label"],
                    "best_rank": best,
                    "worst_rank": worst,
                    "runs": int(row["runs"]),
                    "mean": row["mean"],
                    "low_95": row["low"],
                    "high_95": row["high"],
                    "interquartile_mean": row["middle"],
                }
            )
    return pd.DataFrame(rows, columns=[*_WHERE, *_RANKED])


_WHERE = ("task", "objective", "scope")
_RANKED = ("label", "best_rank", "worst_rank", "runs", "mean", "low_95", "high_95", "interquartile_mean")
_PAIRED = ("better", "other", "difference", "error", "freedom", "low_95", "high_95", "improvement", "p")


def _pairs(rankings: Rankings) -> pd.DataFrame:
    rows = [{**where, **_pair(pair)} for where, ranking in _rankings(rankings) for pair in ranking.pairs]
    return pd.DataFrame(rows, columns=[*_WHERE, *_PAIRED])


def _pair(pair: Pair) -> dict[str, Any]:
    effect = pair.effect.overall
    low, high = effect.interval()
    return {
        "better": pair.better,
        "other": pair.other,
        "difference": effect.mean,
        "error": effect.error,
        "freedom": effect.freedom,
        "low_95": low,
        "high_95": high,
        "improvement": pair.improvement,
        "p": pair.p,
    }


_JUDGED = (
    *("claim", "better", "other", "decoding", "verdict", "smallest_effect"),
    *("better_side", "better_labels", "other_side", "other_labels", "tasks"),
    *("effect", "error", "freedom", "low_95", "high_95", "p", "runs", "other_runs", "failed", "other_failed"),
)


def _sides(contrast: ClaimContrast) -> dict[str, str]:
    """What the sides are called without their labels, and all labels of each that have a value."""
    sides = zip(("better", "other"), contrast.heads, contrast.sides, strict=True)
    found: dict[str, str] = {}
    for side, head, labels in sides:
        found[f"{side}_side"] = head
        found[f"{side}_labels"] = ", ".join(label.partition(SEPARATOR)[0] for label in labels)
    return found


def verdict_frame(study: Study, judged: Sequence[ClaimContrast] | None = None) -> pd.DataFrame:
    """The frame `verdicts` of `data_frames`."""
    rows = []
    for contrast in judge_claims(study.trained) if judged is None else judged:
        effect = contrast.overall
        low, high = effect.interval()
        rows.append(
            {
                "claim": contrast.claim.name,
                "better": contrast.better,
                "other": contrast.other,
                "decoding": contrast.decoding,
                "verdict": contrast.outcome,
                "smallest_effect": contrast.claim.smallest_effect,
                **_sides(contrast),
                "tasks": ", ".join(sorted(contrast.by_task.index)),
                "effect": effect.mean,
                "error": effect.error,
                "freedom": effect.freedom,
                "low_95": low,
                "high_95": high,
                "p": contrast.p,
                "runs": contrast.runs[0],
                "other_runs": contrast.runs[1],
                "failed": contrast.failed[0],
                "other_failed": contrast.failed[1],
            }
        )
    return pd.DataFrame(rows, columns=list(_JUDGED))
