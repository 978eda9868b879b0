"""Verdicts in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from posharness.contracts import Claim
from posharness_reports.formatting import count, enumerate_words, escape_markdown, fraction, show
from posharness_reports.sections.claims.verdicts import ALPHA, FEWEST, Contrast, outcomes
from posharness_reports.tables.tidy import folded

__all__ = ["effect", "prose", "tables"]

_METHOD = (
    "A contrast is judged from paired runs: two encodings, one task, one seed, and so the same data in the "
    "same order. Its effect is the mean over tasks of the mean difference over seeds, on a scale on which 0 "
    "is chance and 1 is perfect; in brackets stands a 95 % interval that redraws the seeds of each task (of "
    "these tasks, not of tasks in general). *Borne out* and *contradicted* take an interval wholly beyond "
    f"the smallest effect that matters, and p ≤ {ALPHA} in a sign-flip test, Holm-corrected over the "
    "contrasts of its claim; *no difference that matters* takes an interval wholly within it, which "
    "single tasks may lie far outside of. All else is "
    f"*undecided*, and so is what rests on fewer than {FEWEST} paired runs, of which no such test can reach "
    f"{ALPHA}. With two or three seeds intervals cover less than they state."
)


def prose(claims: Sequence[Claim], judged: Sequence[Contrast]) -> str:
    """Each claim, what is measured for it, and the verdict on each of its contrasts."""
    said = []
    for claim in claims:
        own = outcomes(claim, judged)
        lines = [f"- {_line(contrast)}" for contrast in own]
        if not own:
            pairs = [f"{better} and {other}" for better, other in claim.contrasts]
            lines = [f"- not measured: no runs of both {escape_markdown(', or of both '.join(pairs))}"]
        about = (
            f"**{escape_markdown(claim.statement)}** Measured as {escape_markdown(claim.metric)}; the "
            f"smallest effect that matters is {fraction(claim.smallest_effect)}."
        )
        said.append("\n".join([about, "", *lines]))
    return "\n\n".join([*said, _METHOD])


def tables(judged: Sequence[Contrast]) -> dict[str, pd.DataFrame]:
    """The verdicts; and, folded, the effects that they rest on and what was left out."""
    verdicts = pd.DataFrame(
        [
            {
                "claim": contrast.claim.name,
                "contrast": _named(contrast),
                "verdict": contrast.outcome,
                "effect": effect(contrast),
                "better in": f"{int((contrast.by_task > 0).sum())} of {count(len(contrast.by_task), 'task')}",
                "paired runs": len(contrast.runs),
                "p (Holm)": contrast.p,
            }
            for contrast in judged
        ]
    )
    about = [(contrast, {"claim": contrast.claim.name, "contrast": _named(contrast)}) for contrast in judged]
    effects = pd.DataFrame(
        [
            {**said, "task": str(task), "paired runs": len(own), "effect": float(own["effect"].mean())}
            for contrast, said in about
            for task, own in contrast.runs.groupby("task")
        ]
    )
    left_out = pd.DataFrame(
        [
            {**said, "task": task, "reason": reason}
            for contrast, said in about
            for task, reason in contrast.left_out.items()
        ]
    )
    return {
        "Verdicts": verdicts,
        "Effects by task": folded(effects),
        **({"Tasks left out": folded(left_out)} if len(left_out) else {}),
    }


def effect(contrast: Contrast) -> str:
    """A mean difference, signed, with its interval where there is one."""
    if contrast.runs.empty:
        return "–"
    said = _signed(contrast.mean)
    # A difference of one seed a task has no interval.
    return (
        said
        if contrast.low != contrast.low
        else f"{said} [{_signed(contrast.low)}, {_signed(contrast.high)}]"
    )


def _line(contrast: Contrast) -> str:
    name = escape_markdown(_named(contrast))
    if contrast.runs.empty:
        reasons = Counter(contrast.left_out.values()).most_common()
        said = "; ".join(f"{reason} in {count(n, 'task')}" for reason, n in reasons)
        return f"{name}: not measured" + (f" ({escape_markdown(said)})" if said else "")
    tasks = contrast.by_task
    few = f" (fewer than {FEWEST} paired runs)" if len(contrast.runs) < FEWEST else ""
    said = (
        f"{name}: **{contrast.outcome}**{few}, {effect(contrast)} in {count(len(tasks), 'task')} (better in "
        f"{int((tasks > 0).sum())}), {count(len(contrast.runs), 'paired run')}, p = {show(contrast.p)}"
    )
    if contrast.left_out:
        shown = list(contrast.left_out)[:3]
        more = [f"{len(contrast.left_out) - 3} more"] if len(contrast.left_out) > 3 else []
        said += f"; without {escape_markdown(enumerate_words([*shown, *more]))} (see the tables)"
    return said


def _named(contrast: Contrast) -> str:
    return f"{contrast.better} against {contrast.other}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
