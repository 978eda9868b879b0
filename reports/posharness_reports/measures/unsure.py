"""Whether labels that are far apart may still differ by chance, and so are not told apart."""

from __future__ import annotations

from collections.abc import Sequence

from posharness_reports.formatting import show
from posharness_reports.measures.ranking import Pair, Ranking
from posharness_reports.measures.statistics import ALPHA

__all__ = ["UNSURE", "UNTESTED", "why_not_apart", "why_tied"]

UNSURE = "; runs can fall apart, and so few seeds can differ like this by chance"
"""The clause that says so."""

UNTESTED = "; one seed of each tests nothing"
"""The clause that says that nothing was tested."""

_LARGE = 0.3
"""The gap between a run that has learned a task and one that has clearly not."""


def why_not_apart(ranking: Ranking, best: str, last: str) -> str:
    """A clause on why two labels are not told apart, where it is not that they are close; else "".

    Brackets are about the runs of each label alone. Where by these runs the difference leaves out 0, the test
    counts something else too, and the clause says what: the runs beside them, how few seeds there are, or
    all other pairs.
    """
    if not any(pair.effect.tested.error > 0 for pair in ranking.pairs):
        return UNTESTED
    pair = _pair(ranking, best, last)
    if pair is None or not (gap := _gap(pair)) > 0:
        return ""
    if gap > _LARGE:
        return UNSURE
    if pair.alone <= ALPHA:
        alone = f"p is {show(pair.alone)} for {best} and {last} alone"
        return f"; {alone}, but above {ALPHA} corrected for all pairs"
    if pair.alone <= pair.least:
        return "; so few seeds can differ like this by chance"
    return "; the runs beside them vary more, and so the difference can be chance"


def why_tied(ranking: Ranking, best: str, tied: Sequence[str]) -> str:
    """The clause of `why_not_apart` on the label that is farthest from the best of those that tie with it."""
    if not tied:
        return ""
    gaps = {label: _gap(_pair(ranking, best, label)) for label in tied}
    known = {label: gap for label, gap in gaps.items() if gap == gap}
    return why_not_apart(ranking, best, max(known, key=known.__getitem__) if known else tied[-1])


def _pair(ranking: Ranking, one: str, other: str) -> Pair | None:
    return next((pair for pair in ranking.pairs if {pair.better, pair.other} == {one, other}), None)


def _gap(pair: Pair | None) -> float:
    """The least difference that the runs of the two labels leave possible."""
    return pair.effect.overall.interval()[0] if pair is not None else float("nan")
