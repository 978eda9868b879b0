"""Prose, tables and a figure of the verdicts on claims."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from posharness.contracts import Claim, Group, Section, Twins
from posharness.contracts.claim import Contrast
from posharness.contracts.columns import DECODINGS
from posharness_reports.formatting import (
    count,
    difference,
    enumerate_words,
    escape_markdown,
    fraction,
    show,
)
from posharness_reports.measures.power import MOST
from posharness_reports.measures.statistics import ALPHA, CLAIMS_SHARE
from posharness_reports.measures.unsure import one_seed
from posharness_reports.sections.claims.figure import claim_figure
from posharness_reports.sections.claims.sides import SEPARATOR
from posharness_reports.sections.claims.verdicts import (
    CEILING,
    INFORMATIVE,
    ClaimContrast,
    contrasts_of,
    judge_claims,
    judged_alike,
    region,
)
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["describe", "effect_text", "failures", "in_short", "members_differ", "outlook", "prose", "tables"]

_METHOD = (
    "The unit is a run: one seed of one task. Objectives, settings and distances of a run are averaged and "
    "never count as further runs. An effect is the mean over tasks of the difference between the means of "
    "two sides over seeds; of a group of encodings, each counts once. Brackets: 95 % intervals "
    "(Student's t with Welch and Satterthwaite's degrees of freedom); they are about these tasks and "
    "encodings, not about others. The test takes the variance between the runs of an encoding on a task to "
    "be at least that of the runs beside it, for few runs can agree by chance; so it can leave open what "
    "brackets leave out. An effect is tested against the smallest that matters: *borne out* if it "
    "is larger, *contradicted* if it is larger in the other direction, *no difference that matters* if it is "
    "smaller in both. *No difference* also needs tasks on which a difference could show (one encoding has "
    f"a mean of at least {fraction(INFORMATIVE)}, and not both have {fraction(CEILING)}), and effects that "
    "do not differ between tasks. *Differs between tasks*: effects that matter in opposite directions. "
    "p-values are corrected for all contrasts of all claims (Holm) and for the rankings of this report; a "
    f"verdict needs p ≤ {ALPHA}. Everything else is *undecided*, with the number of further seeds that "
    "would decide it with a probability of about .8 if the effects are those seen. Teacher-forced and "
    "free-running decoding are judged apart."
)

_MEMBERS = 6

_OBSTACLES = {
    "nothing can show": "no task shows a difference or its absence: nobody has learned it, or both are at "
    "the ceiling",
    "tasks differ": "the mean is small, but effects differ between tasks: more seeds do not decide it",
    "tasks may differ": "the mean is small, but more seeds decide it only if effects differ less between "
    "tasks than so far",
    "some show nothing": "the mean is small only because no difference can show on some tasks: more seeds do "
    "not decide it",
}

_IN_SHORT = {
    "nothing can show": "no task can tell",
    "tasks differ": "effects differ by task",
    "tasks may differ": "effects may differ by task",
    "some show nothing": "some tasks cannot tell",
}


def describe(study: Study) -> Section | None:
    """The section; None when no contrast has runs of both its labels."""
    judged = judge_claims(study)
    if not any(contrast.evidence for contrast in judged):
        return None
    return Section("Verdicts on claims", prose(study.claims, judged), tables(judged), claim_figure(judged))


def prose(claims: Sequence[Claim], judged: Sequence[ClaimContrast]) -> str:
    """Each claim, its metric, and the verdict on each of its contrasts."""
    paragraphs = []
    for claim in claims:
        contrasts = contrasts_of(claim, judged)
        lines = [f"- {_line(contrast)}{_disagrees(contrast, contrasts)}" for contrast in contrasts]
        about = (
            f"**{escape_markdown(claim.statement)}** Metric: {escape_markdown(claim.metric)}. The "
            f"smallest effect that matters is {fraction(claim.smallest_effect)}."
        )
        if claim.refuted_by:
            about += f" Refuted by {escape_markdown(claim.refuted_by)}."
        lacking = [_asked(asked) for asked in claim.contrasts if asked not in [c.asked for c in contrasts]]
        if lacking:
            pairs = escape_markdown(enumerate_words(lacking))
            lines.append(f"- not measured: there are no runs of {pairs}")
        paragraphs.append("\n".join([about, "", *lines]))
    return "\n\n".join([*paragraphs, _METHOD])


def tables(judged: Sequence[ClaimContrast]) -> dict[str, pd.DataFrame]:
    """The verdicts; and, folded, the effects behind them and the tasks that were left out."""
    about = [(contrast, _about(contrast)) for contrast in judged]
    verdicts = pd.DataFrame(
        [
            {
                **names,
                "verdict": contrast.outcome,
                "effect": effect_text(contrast),
                "better in": f"{int((contrast.by_task > 0).sum())} of {count(len(contrast.by_task), 'task')}",
                "runs": f"{contrast.runs[0]} and {contrast.runs[1]}",
                "failed": f"{contrast.failed[0]} and {contrast.failed[1]}",
                "p (Holm)": contrast.p if _tested(contrast) else float("nan"),
                "against an effect of": _tested_against(contrast),
                "p of equal encodings": min((each.p for each in contrast.members), default=float("nan")),
                "p of equal tasks": contrast.evidence.effect.spread if contrast.evidence else float("nan"),
                "more seeds": _more(contrast),
            }
            for contrast, names in about
        ]
    )
    effects = pd.DataFrame(
        [
            {**names, "task": task, "effect": each.mean, "low_95": low, "high_95": high}
            for contrast, names in about
            if contrast.evidence
            for task, each in contrast.evidence.effect.by_block.items()
            for low, high in [each.interval()]
        ]
    )
    members = pd.DataFrame(
        [
            {
                **names,
                "encoding": label.replace(SEPARATOR, ", "),
                "effect": difference(effect.overall.mean, *effect.overall.interval()),
                "tasks": len(effect.by_block),
                "runs": effect.runs[0],
            }
            for contrast, names in about
            for label, effect in contrast.by_label.items()
        ]
    )
    left_out = pd.DataFrame(
        [
            {**names, "task": task, "reason": reason}
            for contrast, names in about
            for task, reason in contrast.left_out.items()
        ]
    )
    return {
        "Verdicts": verdicts,
        "Effects by task": folded(effects),
        **({"Effects by encoding, each against the other side": folded(members)} if len(members) else {}),
        **({"Tasks left out": folded(left_out)} if len(left_out) else {}),
    }


def effect_text(contrast: ClaimContrast) -> str:
    """A signed mean difference with its interval, if it has one."""
    return difference(contrast.overall.mean, *contrast.overall.interval())


def _about(contrast: ClaimContrast) -> dict[str, str]:
    return {"claim": contrast.claim.name, "contrast": _name(contrast), "decoding": contrast.decoding}


def _line(contrast: ClaimContrast) -> str:
    name = escape_markdown(_name(contrast))
    if contrast.decoding != DECODINGS[0]:
        name += f", {contrast.decoding}"
    if contrast.evidence is None:
        reasons = Counter(contrast.left_out.values()).most_common()
        why = "; ".join(f"{count(n, 'task')}: {reason}" for reason, n in reasons)
        return f"{name}: not measured" + (f" ({escape_markdown(why)})" if why else "")
    tasks = contrast.by_task
    line = (
        f"{name}: **{contrast.outcome}**, {effect_text(contrast)} in {count(len(tasks), 'task')} "
        f"({escape_markdown(contrast.better)} is better in {int((tasks > 0).sum())}), "
        f"{contrast.runs[0]} and {contrast.runs[1]} runs"
    )
    if _tested(contrast):
        line += f", p = {show(contrast.p)} against an effect of {_tested_against(contrast)}"
    line += _by_direction(contrast) + escape_markdown(members_differ(contrast)) + outlook(contrast)
    if contrast.left_out:
        first = list(contrast.left_out)[:3]
        more = [f"{len(contrast.left_out) - 3} more"] if len(contrast.left_out) > 3 else []
        line += f"; without {escape_markdown(enumerate_words([*first, *more]))} (see the tables)"
    return line


def _tested(contrast: ClaimContrast) -> bool:
    """Whether there is a test: one seed of each has no error."""
    return contrast.overall.error > 0


def _tested_against(contrast: ClaimContrast) -> str:
    """The effects that p speaks against: those outside of where the effect is surest to be."""
    if contrast.evidence is None or not _tested(contrast):
        return "–"
    smallest = fraction(contrast.claim.smallest_effect)
    side, _ = region(contrast.evidence.effect.tested, contrast.claim.smallest_effect)
    return {
        "above": f"at most {smallest}",
        "below": f"at least −{smallest}",
        "inside": f"{smallest} or more in either direction",
    }[side]


def _by_direction(contrast: ClaimContrast) -> str:
    """The mean effect of the tasks on each side, if the effects of tasks differ."""
    tasks = contrast.by_task
    assert contrast.evidence is not None
    differ = contrast.outcome == "differs between tasks" or contrast.evidence.effect.spread <= ALPHA
    if not differ:
        return ""
    sides = [side for side in (tasks[tasks > 0], tasks[tasks <= 0]) if len(side)]
    if len(sides) == 1:
        return f"; tasks differ: from {difference(tasks.min())} to {difference(tasks.max())}"
    parts = [f"{difference(side.mean())} in {count(len(side), 'task')}" for side in sides]
    return f"; tasks differ: {enumerate_words(parts)}"


def members_differ(contrast: ClaimContrast) -> str:
    """The effect of each member of a side whose members differ: "; encodings differ: alibi −0.20, …"."""
    clauses = []
    for found in contrast.members:
        if found.p > ALPHA:
            continue
        effects = sorted(found.effects.items(), key=lambda item: item[1].overall.mean)
        against = "against " if found.side else ""
        each = [
            f"{against}{label.partition(SEPARATOR)[0]} {difference(own.overall.mean)}"
            for label, own in effects
        ]
        if len(each) > _MEMBERS:
            each = [*each[:3], f"{len(each) - _MEMBERS + 1} between", *each[4 - _MEMBERS :]]
        tasks = len(effects[0][1].by_block)
        over = f" over {count(tasks, 'task')}" if tasks != len(contrast.by_task) else ""
        clauses.append(f"; encodings differ{over}: {', '.join(each)}")
    return "".join(clauses)


def failures(contrast: ClaimContrast) -> str:
    """How many runs failed, and what changes if they count as 0."""
    if not any(contrast.failed):
        return ""
    failed = f"{contrast.failed[0]} and {contrast.failed[1]} failed runs"
    again = contrast.sensitivity
    if again is None:
        return f"; without {failed}"
    scale = contrast.tests / CLAIMS_SHARE * ALPHA / contrast.alpha
    p, mixed = (min(value * scale, 1.0) for value in (again.p, again.mixed))
    verdict = judged_alike(again, contrast.claim.smallest_effect, p, mixed)
    overall = again.effect.overall
    return f"; with {failed} counted as at chance: {verdict}, {difference(overall.mean, *overall.interval())}"


def outlook(contrast: ClaimContrast) -> str:
    """Clauses: the failed runs of a contrast, how large a sure effect is, what an undecided one lacks."""
    clauses = failures(contrast)
    if contrast.outcome in ("borne out", "contradicted"):
        return f"{clauses}; surely by more than the {fraction(contrast.claim.smallest_effect)} that matters"
    if contrast.outcome != "undecided":
        return clauses
    if contrast.obstacle:
        return f"{clauses}; {_OBSTACLES[contrast.obstacle]}"
    more = _more(contrast)
    likely = f"; likely to be decided by {more} encoding" if more[0].isdigit() else f"; {more}"
    return clauses + _beyond(contrast) + likely


def in_short(contrast: ClaimContrast) -> str:
    """Why a contrast is undecided, in a few words; "" for every other verdict."""
    if contrast.outcome != "undecided":
        return ""
    if math.isnan(contrast.overall.error):
        single, labels = (
            [label.replace(SEPARATOR, ", ") for label in some]
            for some in (contrast.single, contrast.sides[0] + contrast.sides[1])
        )
        return one_seed(single, labels)
    if contrast.obstacle:
        return _IN_SHORT[contrast.obstacle]
    needed = contrast.seeds_to_decide
    return f"too few seeds ({f'over {MOST} needed' if needed is None else f'{needed} more'})"


def _beyond(contrast: ClaimContrast) -> str:
    """Why an effect is undecided although its interval leaves out 0, and whether it is against the claim."""
    low, high = contrast.overall.interval()
    smallest = contrast.claim.smallest_effect
    against = "against the claim, " if high < 0 else ""
    if low > smallest or high < -smallest:
        found = contrast.evidence
        if found is None or found.p <= ALPHA:
            why = (
                f"but not surely once corrected for the {count(contrast.tests, 'contrast')} and the rankings "
                "of this report"
            )
        elif found.p <= found.least:
            why = "by its runs alone, which are few and may agree by chance"
        else:
            why = "by its runs alone, but runs beside them vary more"
        return f"; {against}by more than the {fraction(smallest)} that matters, {why}"
    if low > 0 or high < 0:
        return f"; {against}perhaps by less than the {fraction(smallest)} that matters"
    return ""


def _more(contrast: ClaimContrast) -> str:
    """The seeds that are missing, in words; "–" for a verdict that is decided."""
    if contrast.outcome != "undecided":
        return "–"
    if not contrast.overall.error > 0:
        return "needs two seeds of each encoding on a task"
    if contrast.obstacle == "tasks may differ":
        return "more seeds decide it only if tasks differ less"
    if contrast.obstacle:
        return "more seeds do not decide it"
    needed = contrast.seeds_to_decide
    return (
        f"needs more than {MOST} seeds of each" if needed is None else f"{count(needed, 'more seed')} of each"
    )


def _disagrees(contrast: ClaimContrast, contrasts: Sequence[ClaimContrast]) -> str:
    """A clause if the tests of the other decoding decide the opposite of the same labels."""
    for other in contrasts:
        alike = other.labels == contrast.labels
        if alike and {contrast.outcome, other.outcome} == {"borne out", "contradicted"}:
            return f"; {other.decoding} decoding says the opposite: {effect_text(other)}"
    return ""


def _asked(contrast: Contrast) -> str:
    """What a contrast needs runs of."""
    if isinstance(contrast, Twins):
        return f"twins that differ in {contrast.by} ({contrast.better}, {contrast.other})"
    better, other = (f"{side} encodings" if isinstance(side, Group) else f"{side}" for side in contrast)
    return f"both {better} and {other}"


def _name(contrast: ClaimContrast) -> str:
    return f"{contrast.better} against {contrast.other}"
