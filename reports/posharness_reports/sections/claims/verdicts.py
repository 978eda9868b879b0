"""Verdicts on claims: effects between encodings, tested against the smallest that matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from posharness.contracts import Claim
from posharness.contracts.claim import Contrast
from posharness.contracts.columns import DECODINGS, FREE_RUNNING
from posharness_reports.measures.comparison import (
    Arm,
    Effect,
    Together,
    arms,
    beside,
    effect,
    floor_p,
    with_pools,
)
from posharness_reports.measures.failures import as_at_chance, failed_runs
from posharness_reports.measures.power import (
    POWER,
    at_most,
    floor_of_two,
    more_seeds,
    seeds_against_each_other,
    spread_after,
)
from posharness_reports.measures.statistics import ALPHA, CLAIMS_SHARE, Estimate, holm, open_levels
from posharness_reports.sections.claims.members import Arms, Members, arms_of, by_label, compare_members
from posharness_reports.sections.claims.sides import Sides, sides
from posharness_reports.study import Study

__all__ = [
    "CEILING",
    "INFORMATIVE",
    "ClaimContrast",
    "Evidence",
    "Outcome",
    "contrasts_of",
    "corrected",
    "judge_claims",
    "judged_alike",
    "region",
    "weigh",
]

INFORMATIVE = 0.5
"""The mean that at least one of two encodings needs on a task, so that "no difference" can be said of it."""

CEILING = 0.95
"""The mean from which a task has no room left; where both encodings are above, it says nothing."""

Outcome = Literal[
    "borne out",
    "contradicted",
    "no difference that matters",
    "differs between tasks",
    "undecided",
    "not measured",
]


Obstacle = Literal["", "nothing can show", "some show nothing", "tasks differ", "tasks may differ"]


@dataclass(frozen=True)
class Evidence:
    """What the runs say about one effect.

    Attributes:
        effect: over all tasks.
        alike: over the tasks on which a difference could show; None if there is none.
        p: that the effect is on the other side of the smallest that matters, or at it: the least of the p of
            *above*, *below* and *inside*, each two-sided; 1 without an error.
        mixed: p that no two tasks have effects that matter in opposite directions.
        least: the p below which so few runs are not believed; 0 where they are not few.
        least_mixed: the same for `mixed`.
    """

    effect: Effect
    alike: Effect | None
    p: float
    mixed: float
    least: float = 0.0
    least_mixed: float = 0.0


@dataclass(frozen=True, eq=False)
class ClaimContrast:
    """Two sides compared under one claim, in one decoding.

    Attributes:
        better, other: the names of the sides: labels, or what groups are called, with the members that have a
            value in a task that is compared.
        heads, sides: what the sides are called without their members, and these members.
        labels: the labels of both sides, with or without a value.
        evidence: None if no task has runs of both.
        members: whether the members of a side differ, for each side with several; p is corrected for all
            contrasts of all claims (Holm 1979).
        by_label: of a group, the effect of each of its labels against the other side; of twins, of each pair.
        left_out: tasks without runs of both, and the reason.
        failed: the number of failed runs of each of the two sides, on all tasks on which any label has one
            that did not fail.
        sensitivity: the evidence with failed runs counted as 0, also where all runs of a label failed; None
            if none failed, or if 0 is not chance.
        p, mixed: as in `Evidence`, corrected for all contrasts of all claims (Holm 1979).
        tests: the number of contrasts that p is corrected for.
        level: what the p of the evidence may be at most for a verdict, all other contrasts as they are.
        single: of the labels of both sides, those with one run on every task that is compared.
        asked: what the claim declared, of which this is a contrast.
        alpha: the rate of false statements of the report, which p is corrected for too.
    """

    claim: Claim
    better: str
    other: str
    decoding: str
    evidence: Evidence | None
    left_out: dict[str, str]
    failed: tuple[int, int] = (0, 0)
    sensitivity: Evidence | None = None
    p: float = float("nan")
    mixed: float = float("nan")
    tests: int = 1
    level: float = ALPHA * CLAIMS_SHARE
    labels: tuple[str, ...] = ()
    by_label: Mapping[str, Effect] = field(default_factory=dict)
    members: tuple[Members, ...] = ()
    alpha: float = ALPHA
    asked: Contrast | None = None
    single: tuple[str, ...] = ()
    heads: tuple[str, str] = ("", "")
    sides: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def by_task(self) -> pd.Series[float]:
        """The effect in each task."""
        found = self.evidence.effect.by_block if self.evidence else {}
        return pd.Series({task: each.mean for task, each in found.items()}, dtype=float)

    @property
    def overall(self) -> Estimate:
        """The mean over tasks of the effect in each; NaN without evidence."""
        nothing = Estimate(float("nan"), float("nan"), float("nan"))
        return self.evidence.effect.overall if self.evidence else nothing

    @property
    def runs(self) -> tuple[int, int]:
        """The number of runs of each of the two labels."""
        return self.evidence.effect.runs if self.evidence else (0, 0)

    @property
    def outcome(self) -> Outcome:
        """The verdict."""
        if self.evidence is None:
            return "not measured"
        return judged_alike(self.evidence, self.claim.smallest_effect, self.p, self.mixed)

    @cached_property
    def _outlook(self) -> tuple[Obstacle, int | None]:
        return _what_seeds_decide(self) if self.evidence else ("", None)

    @property
    def obstacle(self) -> Obstacle:
        """What keeps a contrast from a verdict whatever the number of seeds, if effects stay as they are."""
        return self._outlook[0]

    @property
    def seeds_to_decide(self) -> int | None:
        """The seeds to add to each label so that an undecided contrast is likely to be decided."""
        return self._outlook[1]


def _what_seeds_decide(contrast: ClaimContrast) -> tuple[Obstacle, int | None]:
    """What keeps a contrast from a verdict, and otherwise how many more seeds are likely to lead to one.

    The effects of the tasks and the spread of their runs stay as they are. Then the contrast is decided by an
    effect that matters, by one that does not, or by effects that matter in opposite directions.
    """
    assert contrast.evidence is not None
    found, alike = contrast.evidence.effect, contrast.evidence.alike
    smallest = contrast.claim.smallest_effect
    apart = seeds_against_each_other(found, smallest, contrast.alpha * CLAIMS_SHARE / contrast.tests)
    if not abs(contrast.overall.mean) < smallest:
        return "", at_most(min(apart, more_seeds(found, smallest, contrast.level)), found)
    obstacle: Obstacle = ""
    same = math.inf
    if alike is None:
        obstacle = "nothing can show"
    elif found.spread <= ALPHA:
        obstacle = "tasks differ"
    elif not abs(alike.tested.mean) < smallest:
        obstacle = "some show nothing"
    else:
        # Tasks that have one effect are found to differ with a probability of ALPHA.
        power = POWER / (1 - ALPHA) if len(found.by_block) > 1 else POWER
        same = max(more_seeds(each, smallest, contrast.level, power=power) for each in (found, alike))
        if spread_after(found, same) <= ALPHA:
            obstacle = "tasks may differ"
    if obstacle:
        return ("", at_most(apart, found)) if math.isfinite(apart) else (obstacle, None)
    return "", at_most(min(apart, same), found)


def region(estimate: Estimate, smallest: float) -> tuple[Literal["above", "below", "inside"], float]:
    """On which side of the smallest effect that matters an effect is, and the p of the contrary.

    A true effect of exactly the smallest is on no side: the two one-sided tests that could err there share
    the error rate.
    """
    above, below = estimate.p_above(smallest), estimate.p_below(-smallest)
    inside = max(estimate.p_above(-smallest), estimate.p_below(smallest))
    sides: dict[Literal["above", "below", "inside"], float] = {
        "above": above,
        "below": below,
        "inside": inside,
    }
    side = min(sides, key=lambda name: sides[name] if sides[name] == sides[name] else 2.0)
    p = 2 * sides[side]
    return side, 1.0 if np.isnan(p) else min(p, 1.0)


def judged_alike(evidence: Evidence, smallest: float, p: float, mixed: float) -> Outcome:
    """The verdict from evidence and its corrected p-values."""
    if mixed <= ALPHA:
        return "differs between tasks"
    if p > ALPHA:
        return "undecided"
    side, _ = region(evidence.effect.tested, smallest)
    if side == "above":
        return "borne out"
    if side == "below":
        return "contradicted"
    # Effects that differ between tasks can have a mean of 0, and a task that nobody learned has no effect.
    if evidence.alike is None or evidence.effect.spread <= ALPHA:
        return "undecided"
    return "no difference that matters"


def judge_claims(study: Study) -> list[ClaimContrast]:
    """The contrasts of all claims whose sides both have cells, in the order of the claims.

    Where a task was decoded free-running, that is a contrast of its own, after the one of teacher forcing.
    p-values are corrected for all contrasts. They are judged once for each study.
    """
    return study.once(_judge)


def _judge(study: Study) -> list[ClaimContrast]:
    contrasts = [contrast for claim in study.claims for contrast in _judged(claim, study)]
    tested = [place for place, contrast in enumerate(contrasts) if contrast.evidence is not None]
    every = [evidence for contrast in contrasts if (evidence := contrast.evidence)]
    found = corrected(every)
    scale = ALPHA / study.alpha
    levels = open_levels([p * scale <= ALPHA for p, _ in found])
    for place, (p, mixed), level in zip(tested, found, levels, strict=True):
        contrasts[place] = replace(
            contrasts[place],
            p=min(p * scale, 1.0),
            mixed=min(mixed * scale, 1.0),
            tests=len(tested),
            level=study.alpha * CLAIMS_SHARE * level,
            alpha=study.alpha,
        )
    alike = [each for contrast in contrasts for each in contrast.members]
    corrected_p = iter(holm([each.p for each in alike]))
    return [
        replace(
            contrast,
            members=tuple(
                replace(each, p=min(next(corrected_p) * scale / CLAIMS_SHARE, 1.0))
                for each in contrast.members
            ),
        )
        for contrast in contrasts
    ]


def corrected(found: Sequence[Evidence]) -> list[tuple[float, float]]:
    """`p` and `mixed` of all evidence of a report, corrected for their number."""
    p = holm([evidence.p for evidence in found])
    return [
        (min(one / CLAIMS_SHARE, 1.0), min(each.mixed * len(found) / CLAIMS_SHARE, 1.0))
        for one, each in zip(p, found, strict=True)
    ]


def contrasts_of(claim: Claim, judged: Sequence[ClaimContrast]) -> list[ClaimContrast]:
    """The contrasts of one claim."""
    return [contrast for contrast in judged if contrast.claim is claim]


def _judged(claim: Claim, study: Study) -> list[ClaimContrast]:
    """The contrasts of a claim, with p-values as they are."""
    values = _by_part(_measured(claim, study), study)
    decodings = [name for name in DECODINGS if name in set(values["decoding"])] or [DECODINGS[0]]
    return [
        replace(_contrast(claim, both, decoding), asked=contrast)
        for contrast in claim.contrasts
        for both in sides(contrast, values, study.cells)
        for decoding in decodings
    ]


def _measured(claim: Claim, study: Study) -> pd.DataFrame:
    """The metric of each run; if the claim raises, no value, and the error as the reason."""
    # Claims may be third-party code: one that raises is not measured, and the others are judged.
    try:
        return claim.measure(study)
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failure = f"failed with {type(error).__name__}: {error}".strip(": ")
        runs = study.cells[["task", "label", "seed"]]
        return runs.assign(value=float("nan"), reason=failure)


def _by_part(values: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The values with the block of their task, and the decoding.

    What a claim calls a task can be one objective, setting or decoding of it. These are parts of one block.
    """
    known = study.titles
    posed = dict(zip(study.cells["task"], study.cells["posed"], strict=True))
    names = [str(name) for name in values["task"]]
    free = [known.get(name) in study.free_running for name in names]
    return values.assign(
        label=values["label"].astype(str),
        part=names,
        prepared=[known.get(name, (name, ""))[0] for name in names],
        block=[posed.get(known.get(name, (name, ""))[0], name) for name in names],
        decoding=[FREE_RUNNING if value else DECODINGS[0] for value in free],
        accuracy=_accuracies(values, [known.get(name) for name in names], study),
    )


def _accuracies(values: pd.DataFrame, places: Sequence[tuple[str, str] | None], study: Study) -> list[float]:
    """The normalised accuracy at the training length of the run of each value; NaN if it is not known."""
    runs = study.by_length[1]
    trained = runs[runs["length"] == runs["train_length"]]
    columns = (trained[name].tolist() for name in ("task", "objective", "label", "seed", "normalised"))
    known = {
        (str(task), str(objective), str(label), int(seed)): float(accuracy)
        for task, objective, label, seed, accuracy in zip(*columns, strict=True)
    }
    keys = zip(places, values["label"].astype(str), values["seed"].astype(int), strict=True)
    return [known.get((*(place or ("", "")), label, seed), float("nan")) for place, label, seed in keys]


def _contrast(claim: Claim, sides_in_all: Sides, decoding: str) -> ClaimContrast:
    """The contrast of two sides in one decoding; their values in the others are runs beside them."""
    everything = sides_in_all.rows
    both = replace(sides_in_all, rows=everything[everything["decoding"] == decoding])
    values = both.rows
    one, two = (values[values["label"].isin(members)] for members in both.members)
    rows = pd.concat([one, two])
    held = _held(everything, decoding)
    evidence = weigh(*arms_of(held, both), claim, _accuracy_of(rows, both, claim))
    used = set(evidence.effect.by_block) if evidence else set()
    valued = both.only({label for block in used for label in held[block]}) if evidence else both
    paired = set.intersection(*(set(side.loc[side["value"].notna(), "part"]) for side in (one, two)))
    missing = {
        task: _reason(task, valued.names[0], one, valued.names[1], two)
        for task in sorted({*one["part"], *two["part"]} - paired)
    }
    labels = both.members[0] + both.members[1]
    failures = as_at_chance(values, labels, both.cells).assign(decoding=decoding)
    tried = both.cells.loc[both.cells["posed"].astype(str).isin(values.loc[values["value"].notna(), "block"])]
    each = failed_runs(tried, {*tried["task"].astype(str)})
    failed = [sum(each.get(label, 0) for label in members) for members in both.members]
    sensitivity = None
    if claim.scaled and len(failures):
        again = _held(pd.concat([everything, failures], ignore_index=True), decoding)
        sensitivity = weigh(*arms_of(again, both), claim)
    return ClaimContrast(
        claim,
        *valued.names,
        decoding,
        evidence,
        missing,
        (failed[0], failed[1]),
        sensitivity,
        labels=labels,
        by_label=by_label(held, valued),
        members=compare_members({block: held[block] for block in used}, valued),
        heads=(valued.heads[0] + valued.suffix, valued.heads[1] + valued.suffix),
        sides=valued.members,
        single=tuple(
            label
            for label in dict.fromkeys(valued.members[0] + valued.members[1])
            if all(held[block][label].runs == 1 for block in used if label in held[block])
        ),
    )


def _held(values: pd.DataFrame, decoding: str) -> dict[str, dict[str, Arm]]:
    """The arms of all labels in one decoding, measured by the runs of all decodings beside them."""
    return with_pools(
        arms(values[values["decoding"] == decoding], "block"), *beside(values, "block", ["decoding"])
    )


def _accuracy_of(rows: pd.DataFrame, both: Sides, claim: Claim) -> tuple[Arms, Arms] | None:
    """The accuracy of the runs that have a value; None for a claim whose values are accuracies."""
    if claim.scaled:
        return None
    accuracies = rows[rows["value"].notna()].assign(value=lambda own: own["accuracy"], precision=float("nan"))
    return arms_of(arms(accuracies, "block"), both)


def weigh(one: Arms, two: Arms, claim: Claim, accuracy: tuple[Arms, Arms] | None = None) -> Evidence | None:
    """The evidence on two sides, by block; None without a block that both have.

    Args:
        accuracy: of the same runs, which says where a difference could show; by default the values.
    """
    found, smallest = effect(one, two), claim.smallest_effect
    if found is None:
        return None
    learned = accuracy or (one, two)
    telling = {
        block
        for block in found.by_block
        if all(block in side for side in learned)
        and _can_tell(*(side[block] for side in learned), room=claim.needs_room)
    }
    alike = effect(*({block: arm for block, arm in side.items() if block in telling} for side in (one, two)))
    side, p = region(found.tested, smallest)
    if side == "inside" and alike is not None:
        # Tasks on which no difference could show would make any mean small.
        same, p_alike = region(alike.tested, smallest)
        p = max(p, p_alike if same == side else 1.0)
    tasks = len(found.by_block)
    known = [each for each in found.tested_by_block.values() if each.error > 0]
    ends = [
        min((each.p_above(smallest) for each in known), default=1.0),
        min((each.p_below(-smallest) for each in known), default=1.0),
    ]
    mixed = min(2 * tasks * max(ends), 1.0) if tasks > 1 else 1.0
    least, least_mixed = floor_p(*found.sides), floor_of_two(found)
    return Evidence(found, alike, max(p, least), max(mixed, least_mixed), least, least_mixed)


def _can_tell(one: Arm | Together, two: Arm | Together, *, room: bool) -> bool:
    """Whether a difference could show by these accuracies: one side has learned something, and (if that takes
    `room`) not both are at the ceiling."""
    parts = one.parts & two.parts
    means = [arm.estimate(parts).mean for arm in (one, two)]
    return max(means) >= INFORMATIVE and not (room and min(means) >= CEILING)


def _reason(task: str, better: str, one: pd.DataFrame, other: str, two: pd.DataFrame) -> str:
    """Why two labels are not compared in a task: the reason why either has no value."""
    clauses = []
    for label, side in ((better, one), (other, two)):
        rows = side[side["part"] == task]
        reasons = sorted({*rows.loc[rows["value"].isna(), "reason"]} - {""})
        if reasons and rows["value"].isna().all():
            clauses.append(f"{label} {' and '.join(reasons)}")
        elif rows.empty:
            clauses.append(f"{label} not measured")
    return ", ".join(clauses) or "no value"
