"""Verdicts on claims: the effects of paired runs, their mean with an interval, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from posharness.contracts import Claim
from posharness_reports.measures.statistics import generator, holm, interval, sign_flip, stratified_bootstrap
from posharness_reports.study import Study

__all__ = ["ALPHA", "FEWEST", "ClaimContrast", "Outcome", "contrasts_of", "judge_claims"]

ALPHA = 0.05
FEWEST = 6
"""The smallest number of paired runs with which an exact sign-flip test can reach p ≤ .05: 2/2⁶ = .031."""

Outcome = Literal["borne out", "contradicted", "no difference that matters", "undecided", "not measured"]

_RUN = ["task", "seed", "effect"]


@dataclass(frozen=True, eq=False)
class ClaimContrast:
    """Two labels compared under one claim.

    Attributes:
        runs: columns task, seed and effect, a row for each paired run: the metric of `better` minus that of
            `other`.
        left_out: tasks without a pair, and the reason.
        low, high: 95 % interval, from a bootstrap over the seeds of each task; NaN if no task has two seeds.
        p: of a sign-flip test, Holm-corrected over the contrasts of the claim; NaN without a pair.
    """

    claim: Claim
    better: str
    other: str
    runs: pd.DataFrame
    left_out: dict[str, str]
    low: float
    high: float
    p: float

    @property
    def by_task(self) -> pd.Series[float]:
        """The mean effect in each task."""
        return self.runs.groupby("task")["effect"].mean()

    @property
    def mean(self) -> float:
        """The mean over tasks of the mean effect in each; NaN without a pair."""
        return float(self.by_task.mean())

    @property
    def outcome(self) -> Outcome:
        """The verdict; "undecided" when the interval is too wide or there are too few runs."""
        smallest = self.claim.smallest_effect
        if self.runs.empty:
            return "not measured"
        if len(self.runs) < FEWEST or np.isnan(self.low):
            return "undecided"
        if self.p <= ALPHA and self.low >= smallest:
            return "borne out"
        if self.p <= ALPHA and self.high <= -smallest:
            return "contradicted"
        if -smallest < self.low and self.high < smallest:
            return "no difference that matters"
        return "undecided"


def judge_claims(study: Study) -> list[ClaimContrast]:
    """The contrasts of all claims whose labels both have cells, in the order of the claims."""
    return [contrast for claim in study.claims for contrast in _judged(claim, study)]


def contrasts_of(claim: Claim, judged: Sequence[ClaimContrast]) -> list[ClaimContrast]:
    """The contrasts of one claim."""
    return [contrast for contrast in judged if contrast.claim is claim]


def _judged(claim: Claim, study: Study) -> list[ClaimContrast]:
    """The contrasts of a claim, with p-values corrected for their number (Holm 1979).

    Contrasts of other claims do not count: a verdict must not depend on what else is claimed.
    """
    values = _measured(claim, study)
    contrasts = [
        _contrast(claim, *labels, values)
        for names in claim.contrasts
        for labels in _labels(study.cells, *names)
    ]
    tested = [place for place, contrast in enumerate(contrasts) if len(contrast.runs)]
    for place, p in zip(tested, holm([contrasts[place].p for place in tested]), strict=True):
        contrasts[place] = replace(contrasts[place], p=p)
    return contrasts


def _measured(claim: Claim, study: Study) -> pd.DataFrame:
    """The metric of each run; if the claim raises, no value, and the error as the reason."""
    # Claims may be third-party code: one that raises is not measured, and the others are judged.
    try:
        return claim.measure(study)
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failure = f"failed with {type(error).__name__}: {error}".strip(": ")
        runs = study.cells[["task", "label", "seed"]]
        return runs.assign(value=float("nan"), reason=failure)


def _labels(cells: pd.DataFrame, better: str, other: str) -> list[tuple[str, str]]:
    """Pairs of labels of the two encodings that have the same attention."""
    columns = (cells[name].astype(str) for name in ("encoding", "attention", "label"))
    known = sorted(set(zip(*columns, strict=True)))
    return sorted(
        (label, compared)
        for (encoding, attention, label), (base, with_attention, compared) in product(known, known)
        if (encoding, base) == (better, other) and attention == with_attention
    )


def _contrast(claim: Claim, better: str, other: str, values: pd.DataFrame) -> ClaimContrast:
    one, two = (values[values["label"] == label] for label in (better, other))
    known = [side[side["value"].notna()] for side in (one, two)]
    both = known[0].merge(known[1], on=["task", "seed"], suffixes=("", "_other"), validate="one_to_one")
    runs = both.assign(effect=both["value"] - both["value_other"])[_RUN].reset_index(drop=True)
    missing = {
        task: _reason(task, better, one, other, two)
        for task in sorted({*one["task"], *two["task"]} - {*runs["task"]})
    }
    if runs.empty:
        return ClaimContrast(claim, better, other, runs, missing, *[float("nan")] * 3)
    strata = [rows["effect"].to_numpy(float) for _, rows in runs.groupby("task")]
    key = ("claim", claim.name, better, other)
    low, high = (
        interval(stratified_bootstrap(strata, rng=generator(*key)))
        if max(map(len, strata)) > 1
        else (np.nan, np.nan)
    )
    p = sign_flip(strata, rng=generator(*key, "signs"))
    return ClaimContrast(claim, better, other, runs, missing, float(low), float(high), p)


def _reason(task: str, better: str, one: pd.DataFrame, other: str, two: pd.DataFrame) -> str:
    """Why two labels have no pair in a task: the reason why either has no value."""
    clauses = []
    for label, side in ((better, one), (other, two)):
        rows = side[side["task"] == task]
        reasons = sorted({*rows.loc[rows["value"].isna(), "reason"]} - {""})
        if reasons and rows["value"].isna().all():
            clauses.append(f"{label} {' and '.join(reasons)}")
        elif rows.empty:
            clauses.append(f"{label} not measured")
    return ", ".join(clauses) or "no seed in common"
