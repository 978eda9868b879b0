"""Prose, tables and a figure of the verdicts on claims."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from posharness.contracts import Claim, Section
from posharness_reports.formatting import count, enumerate_words, escape_markdown, fraction, show
from posharness_reports.sections.claims.figure import claim_figure
from posharness_reports.sections.claims.verdicts import (
    ALPHA,
    FEWEST,
    ClaimContrast,
    contrasts_of,
    judge_claims,
)
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["describe", "effect", "prose", "tables"]

_METHOD = (
    "A contrast is judged from paired runs: two encodings with the same task and the same seed, and so with "
    "the same data in the same order. Its effect is the mean over tasks of the mean difference over seeds, "
    "on a scale where 0 is chance and 1 is perfect. Brackets: 95 % intervals from a bootstrap over the "
    "seeds of each task; they are about these tasks, not about tasks in general. A verdict of *borne out* "
    "or *contradicted* needs an interval that is completely beyond the smallest effect that matters, and p "
    f"≤ {ALPHA} in a sign-flip test with Holm's correction for the number of contrasts of the claim. *No "
    "difference that matters* needs an interval completely inside the smallest effect; single tasks can "
    f"still differ by more. Everything else is *undecided*. So is any contrast with fewer than {FEWEST} "
    f"paired runs, because this test cannot reach {ALPHA} with them. With two or three seeds, intervals "
    "understate the uncertainty."
)


def describe(study: Study) -> Section | None:
    """The section; None when no contrast has a pair of runs."""
    judged = judge_claims(study)
    if not any(len(contrast.runs) for contrast in judged):
        return None
    return Section("Verdicts on claims", prose(study.claims, judged), tables(judged), claim_figure(judged))


def prose(claims: Sequence[Claim], judged: Sequence[ClaimContrast]) -> str:
    """Each claim, its metric, and the verdict on each of its contrasts."""
    paragraphs = []
    for claim in claims:
        contrasts = contrasts_of(claim, judged)
        lines = [f"- {_line(contrast)}" for contrast in contrasts]
        if not contrasts:
            pairs = [f"{better} and {other}" for better, other in claim.contrasts]
            lines = [
                f"- not measured: there are no runs of both {escape_markdown(', or of both '.join(pairs))}"
            ]
        about = (
            f"**{escape_markdown(claim.statement)}** Metric: {escape_markdown(claim.metric)}. The "
            f"smallest effect that matters is {fraction(claim.smallest_effect)}."
        )
        paragraphs.append("\n".join([about, "", *lines]))
    return "\n\n".join([*paragraphs, _METHOD])


def tables(judged: Sequence[ClaimContrast]) -> dict[str, pd.DataFrame]:
    """The verdicts; and, folded, the effects behind them and the tasks that were left out."""
    verdicts = pd.DataFrame(
        [
            {
                "claim": contrast.claim.name,
                "contrast": _name(contrast),
                "verdict": contrast.outcome,
                "effect": effect(contrast),
                "better in": f"{int((contrast.by_task > 0).sum())} of {count(len(contrast.by_task), 'task')}",
                "paired runs": len(contrast.runs),
                "p (Holm)": contrast.p,
            }
            for contrast in judged
        ]
    )
    about = [(contrast, {"claim": contrast.claim.name, "contrast": _name(contrast)}) for contrast in judged]
    effects = pd.DataFrame(
        [
            {**names, "task": str(task), "paired runs": len(runs), "effect": float(runs["effect"].mean())}
            for contrast, names in about
            for task, runs in contrast.runs.groupby("task")
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
        **({"Tasks left out": folded(left_out)} if len(left_out) else {}),
    }


def effect(contrast: ClaimContrast) -> str:
    """A signed mean difference with its interval, if it has one."""
    if contrast.runs.empty:
        return "–"
    mean = _signed(contrast.mean)
    # With one seed per task there is no interval.
    if math.isnan(contrast.low):
        return mean
    return f"{mean} [{_signed(contrast.low)}, {_signed(contrast.high)}]"


def _line(contrast: ClaimContrast) -> str:
    name = escape_markdown(_name(contrast))
    if contrast.runs.empty:
        reasons = Counter(contrast.left_out.values()).most_common()
        why = "; ".join(f"{count(n, 'task')}: {reason}" for reason, n in reasons)
        return f"{name}: not measured" + (f" ({escape_markdown(why)})" if why else "")
    tasks = contrast.by_task
    few = f" (fewer than {FEWEST} paired runs)" if len(contrast.runs) < FEWEST else ""
    line = (
        f"{name}: **{contrast.outcome}**{few}, {effect(contrast)} in {count(len(tasks), 'task')} "
        f"({escape_markdown(contrast.better)} is better in {int((tasks > 0).sum())}), "
        f"{count(len(contrast.runs), 'paired run')}, p = {show(contrast.p)}"
    )
    if contrast.left_out:
        first = list(contrast.left_out)[:3]
        more = [f"{len(contrast.left_out) - 3} more"] if len(contrast.left_out) > 3 else []
        line += f"; without {escape_markdown(enumerate_words([*first, *more]))} (see the tables)"
    return line


def _name(contrast: ClaimContrast) -> str:
    return f"{contrast.better} against {contrast.other}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
