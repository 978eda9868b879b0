"""The data of a report: numbers as numbers, one column for each quantity, for programs and other reports."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from posharness_reports.compile.inert_csv import inert_csv
from posharness_reports.compile.undecided import is_open, missing_seeds
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.measures.comparison import Effect
from posharness_reports.measures.ranking import Pair, Ranking, Rankings
from posharness_reports.measures.statistics import ALPHA, CLAIMS_SHARE, RANKING_SHARE
from posharness_reports.sections.claims.sides import SEPARATOR
from posharness_reports.sections.claims.verdicts import ClaimContrast, judge_claims, region
from posharness_reports.study import Study

__all__ = ["SETTING", "data_files", "data_frames", "ranking_frames", "read_data", "verdict_frame"]

_CELL = (
    *("cell", "label", "encoding", "attention", "body", "task", "seed", "status", "reason", "family"),
    *("parameters", "encoding_parameters", "steps", "seconds", "step_ms", "step_wall_ms"),
    *("train_length", "max_length", "score"),
    *MADE_WITH,
    *("started", "version", "task_version", "pretrained"),
)
SETTING, PARAMETER = "settings.", "params."
"""What the names of columns begin with that hold a setting of a cell, or a parameter of its encoding."""

_OVER_TASKS = ""


def data_frames(study: Study, judged: Sequence[ClaimContrast] | None = None) -> dict[str, pd.DataFrame]:
    """Name to frame.

    - `cells`: what was run, one row a cell; a column `settings.…` for each setting, `params.…` for each
      parameter of an encoding that was given.
    - `scores`: the score of each run (`posharness_reports.measures.scores`).
    - `accuracy-by-distance`, `accuracy-by-length`: means over runs with 95 % intervals;
      with `-runs`, each run.
    - `reach`: area under normalised accuracy by log distance and reach, with 95 % intervals.
    - `changes`: normalised accuracy at other lengths, minus that at the training length.
    - `interventions`: the share of answers that follow, are kept and break when the source is changed.
    - `ranking`: the labels of each ranking with their ranks; `task` is empty over tasks, and
      `objective` is then the decoding.
    - `pairs`: all pairs of each ranking.
    - `verdicts`: each contrast of each claim, with the labels of its sides and the tasks of its effect.
      `surest` is where the effect is surest to be: above or below the smallest that matters, or inside; then
      also `alike_effect`, over the tasks on which a difference could show, has to be.
    - `effects`: the effects behind the verdicts, by task.

    In the last three, `error` and `freedom` are the standard error and the degrees of freedom by the runs
    of the two sides alone, of which the interval is. The test has `tested_error` and `tested_freedom`: of
    the `means` (of a label on a task), `means_pooled` have the larger variance of the runs beside them.
    `p_alone` is of that test and not below `least_p`, which is 0 unless runs are few. Holm's method corrects
    it, with half of the rate for the rankings over tasks; `p` is the result, times .05 over `rate`.
    `seeds_to_decide` are missing for each label of the report (fewer runs beside them test less), if what is
    not decided needs no more than 100.

    Args:
        judged: the contrasts of the study's claims, if they are known already.
    """
    trained = study.trained
    verdicts = judge_claims(trained) if judged is None else judged
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
        **ranking_frames(trained.rankings, trained.alpha),
        "verdicts": verdict_frame(trained, verdicts),
        "effects": _effects(verdicts),
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
    given = [_columns(cells[name], prefix) for name, prefix in (("settings", SETTING), ("params", PARAMETER))]
    return pd.concat([cells[list(_CELL)], *given], axis=1)


def _columns(mappings: pd.Series[Any], prefix: str) -> pd.DataFrame:
    """A column for each key; numbers stay numbers where all its values are."""
    rows = [value if isinstance(value, Mapping) else {} for value in mappings]
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(
        {f"{prefix}{name}": _typed([row.get(name) for row in rows], mappings.index) for name in names},
        index=mappings.index,
    )


def _typed(values: Sequence[Any], index: pd.Index[Any]) -> pd.Series[Any]:
    kinds = {type(value) for value in values if value is not None}
    dtype = next((dtype for kind, dtype in _DTYPES.items() if kinds == {kind}), None)
    if dtype is None and kinds == {int, float}:
        dtype = "Float64"
    if dtype is not None:
        return pd.Series(list(values), index, dtype=dtype)
    return pd.Series([None if value is None else str(value) for value in values], index, dtype=object)


_DTYPES = {bool: "boolean", int: "Int64", float: "Float64"}


def ranking_frames(rankings: Rankings, alpha: float = ALPHA) -> dict[str, pd.DataFrame]:
    """The frames `ranking` and `pairs` of `data_frames`; `alpha` as in `rank_all`."""
    return {"ranking": _ranking(rankings), "pairs": _pairs(rankings, alpha)}


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
_TESTED = ("means", "means_pooled", "tested_error", "tested_freedom", "least_p", "p_alone", "rate", "p")
_PAIRED = (
    *("better", "other", "difference", "error", "freedom", "low_95", "high_95", "improvement"),
    *_TESTED,
    "seeds_to_decide",
)


def _pairs(rankings: Rankings, alpha: float) -> pd.DataFrame:
    number = sum(len(ranking.pairs) for _, ranking in _rankings(rankings))
    rows = [
        {**where, **_pair(pair, number, alpha)}
        for where, ranking in _rankings(rankings)
        for pair in ranking.pairs
    ]
    return pd.DataFrame(rows, columns=[*_WHERE, *_PAIRED]).astype({"seeds_to_decide": "Int64"})


def _pair(pair: Pair, number: int, alpha: float) -> dict[str, Any]:
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
        **_tested(pair.effect),
        "least_p": pair.least,
        "p_alone": pair.alone,
        "rate": alpha * RANKING_SHARE,
        "p": pair.p,
        "seeds_to_decide": missing_seeds(pair, number, alpha) if is_open(pair, number, alpha) else None,
    }


def _tested(effect: Effect) -> dict[str, Any]:
    return {
        "means": effect.means,
        "means_pooled": effect.pooled,
        "tested_error": effect.tested.error,
        "tested_freedom": effect.tested.freedom,
    }


_JUDGED = (
    *("claim", "better", "other", "decoding", "verdict", "smallest_effect"),
    *("better_side", "better_labels", "other_side", "other_labels", "tasks"),
    *("effect", "error", "freedom", "low_95", "high_95", "runs", "other_runs", "failed", "other_failed"),
    *("surest", "alike_effect", "alike_error", "alike_freedom"),
    *_TESTED,
    *("least_p_mixed", "p_mixed_alone", "p_mixed", "seeds_to_decide"),
)


def verdict_frame(study: Study, judged: Sequence[ClaimContrast] | None = None) -> pd.DataFrame:
    """The frame `verdicts` of `data_frames`."""
    rows = [
        {**_about(contrast), **_sides(contrast), **_judged(contrast), **_evidence(contrast, study.alpha)}
        for contrast in (judge_claims(study.trained) if judged is None else judged)
    ]
    return pd.DataFrame(rows, columns=list(_JUDGED)).astype(
        {"seeds_to_decide": "Int64", "means": "Int64", "means_pooled": "Int64", "surest": object}
    )


def _sides(contrast: ClaimContrast) -> dict[str, str]:
    """What the sides are called without their labels, and all labels of each that have a value."""
    sides = zip(("better", "other"), contrast.heads, contrast.sides, strict=True)
    found: dict[str, str] = {}
    for side, head, labels in sides:
        found[f"{side}_side"] = head
        found[f"{side}_labels"] = ", ".join(label.partition(SEPARATOR)[0] for label in labels)
    return found


def _about(contrast: ClaimContrast) -> dict[str, Any]:
    return {
        "claim": contrast.claim.name,
        "better": contrast.better,
        "other": contrast.other,
        "decoding": contrast.decoding,
    }


def _judged(contrast: ClaimContrast) -> dict[str, Any]:
    effect = contrast.overall
    low, high = effect.interval()
    return {
        "verdict": contrast.outcome,
        "smallest_effect": contrast.claim.smallest_effect,
        "tasks": ", ".join(sorted(contrast.by_task.index)),
        "effect": effect.mean,
        "error": effect.error,
        "freedom": effect.freedom,
        "low_95": low,
        "high_95": high,
        "p": contrast.p,
        "p_mixed": contrast.mixed,
        "runs": contrast.runs[0],
        "other_runs": contrast.runs[1],
        "failed": contrast.failed[0],
        "other_failed": contrast.failed[1],
        "seeds_to_decide": contrast.seeds_to_decide if contrast.outcome == "undecided" else None,
    }


def _evidence(contrast: ClaimContrast, alpha: float) -> dict[str, Any]:
    """The test of a contrast that was measured."""
    found = contrast.evidence
    if found is None:
        return {}
    side, _ = region(found.effect.tested, contrast.claim.smallest_effect)
    alike = found.alike.tested if side == "inside" and found.alike is not None else None
    return {
        "surest": side,
        **({f"alike_{name}": getattr(alike, field) for name, field in _ALIKE.items()} if alike else {}),
        **_tested(found.effect),
        "least_p": found.least,
        "p_alone": found.p,
        "rate": alpha * CLAIMS_SHARE,
        "least_p_mixed": found.least_mixed,
        "p_mixed_alone": found.mixed,
    }


_ALIKE = {"effect": "mean", "error": "error", "freedom": "freedom"}
_BY_TASK = (
    *("claim", "better", "other", "decoding", "task", "effect", "error", "freedom", "low_95", "high_95"),
    *("tested_error", "tested_freedom"),
)


def _effects(judged: Sequence[ClaimContrast]) -> pd.DataFrame:
    rows = []
    for contrast in judged:
        if contrast.evidence is None:
            continue
        found = contrast.evidence.effect
        for task, effect in found.by_block.items():
            tested = found.tested_by_block[task]
            low, high = effect.interval()
            numbers = (effect.mean, effect.error, effect.freedom, low, high, tested.error, tested.freedom)
            rows.append((*_about(contrast).values(), task, *numbers))
    return pd.DataFrame(rows, columns=list(_BY_TASK))
