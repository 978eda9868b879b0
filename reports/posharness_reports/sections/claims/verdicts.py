"""Verdicts on claims: effects of paired runs, their mean with an interval, and what follows from them."""

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

__all__ = ["ALPHA", "FEWEST", "Contrast", "Outcome", "contrasts", "outcomes"]

ALPHA = 0.05
FEWEST = 6
"""Paired runs of which an exact sign-flip test can reach p ≤ .05: 2/2⁶ = .031."""

Outcome = Literal["borne out", "contradicted", "no difference that matters", "undecided", "not measured"]

_RUN = ["task", "seed", "effect"]


@dataclass(frozen=True, eq=False)
class Contrast:
    """One label set against another under one claim.

    Attributes:
        runs: columns task, seed, effect: the metric of the one less that of the other, for each paired run.
        left_out: tasks without a pair, with the reason.
        low, high: 95 % interval, redrawing the seeds of each task; NaN where no task has two.
        p: of a sign-flip test, Holm-corrected over the contrasts of its claim; NaN without a pair.
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
        """Over tasks, of the mean over the seeds of each; NaN without a pair."""
        return float(self.by_task.mean())

    @property
    def outcome(self) -> Outcome:
        """What follows: nothing where the interval is too wide, or the runs are too few."""
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


def contrasts(study: Study) -> list[Contrast]:
    """Every contrast of every claim for which both labels are there, in the order of claims."""
    return [contrast for claim in study.claims for contrast in _judged(claim, study)]


def outcomes(claim: Claim, judged: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts of one claim."""
    return [contrast for contrast in judged if contrast.claim is claim]


def _judged(claim: Claim, study: Study) -> list[Contrast]:
    """The contrasts of a claim, with their p corrected for how many of them there are (Holm 1979).

    Not for those of other claims: a verdict must not depend on what else is claimed.
    """
    values = claim.measure(study)
    found = [
        _contrast(claim, *labels, values)
        for names in claim.contrasts
        for labels in _labels(study.cells, *names)
    ]
    tested = [place for place, contrast in enumerate(found) if len(contrast.runs)]
    for place, p in zip(tested, holm([found[place].p for place in tested]), strict=True):
        found[place] = replace(found[place], p=p)
    return found


def _labels(cells: pd.DataFrame, better: str, other: str) -> list[tuple[str, str]]:
    """The labels of both encodings, paired where they were trained with the same attention."""
    columns = (cells[name].astype(str) for name in ("encoding", "attention", "label"))
    known = sorted(set(zip(*columns, strict=True)))
    return sorted(
        (label, compared)
        for (encoding, attention, label), (base, with_attention, compared) in product(known, known)
        if (encoding, base) == (better, other) and attention == with_attention
    )


def _contrast(claim: Claim, better: str, other: str, values: pd.DataFrame) -> Contrast:
    one, two = (values[values["label"] == label] for label in (better, other))
    known = [side[side["value"].notna()] for side in (one, two)]
    both = known[0].merge(known[1], on=["task", "seed"], suffixes=("", "_other"), validate="one_to_one")
    runs = both.assign(effect=both["value"] - both["value_other"])[_RUN].reset_index(drop=True)
    missing = {
        task: _reason(task, better, one, other, two)
        for task in sorted({*one["task"], *two["task"]} - {*runs["task"]})
    }
    if runs.empty:
        return Contrast(claim, better, other, runs, missing, *[float("nan")] * 3)
    strata = [own["effect"].to_numpy(float) for _, own in runs.groupby("task")]
    key = ("claim", claim.name, better, other)
    low, high = (
        interval(stratified_bootstrap(strata, rng=generator(*key)))
        if max(map(len, strata)) > 1
        else (np.nan, np.nan)
    )
    p = sign_flip(strata, rng=generator(*key, "signs"))
    return Contrast(claim, better, other, runs, missing, float(low), float(high), p)


def _reason(task: str, better: str, one: pd.DataFrame, other: str, two: pd.DataFrame) -> str:
    """Why two labels have no pair in a task: what keeps either of them from having a value."""
    said = []
    for label, side in ((better, one), (other, two)):
        own = side[side["task"] == task]
        reasons = sorted({*own.loc[own["value"].isna(), "reason"]} - {""})
        if reasons and own["value"].isna().all():
            said.append(f"{label} {' and '.join(reasons)}")
        elif own.empty:
            said.append(f"{label} not measured")
    return ", ".join(said) or "no seed in common"
