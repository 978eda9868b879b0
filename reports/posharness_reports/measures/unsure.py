"""Whether labels that are far apart may still differ by chance, and so are not told apart."""

from __future__ import annotations

from posharness_reports.measures.ranking import Ranking

__all__ = ["UNSURE", "UNTESTED", "may_be_chance", "why_not_apart"]

UNSURE = "; runs can fall apart, and so few seeds can differ like this by chance"
"""The clause that says so."""

UNTESTED = "; one seed of each tests nothing"
"""The clause that says that nothing was tested."""

_LARGE = 0.3
"""The gap between a run that has learned a task and one that has clearly not."""


def may_be_chance(ranking: Ranking, best: str, last: str) -> bool:
    """Whether two labels that no test tells apart are far from each other."""
    (pair,) = (pair for pair in ranking.pairs if {pair.better, pair.other} == {best, last})
    low, _ = pair.effect.overall.interval()
    return low > _LARGE


def why_not_apart(ranking: Ranking, best: str, last: str) -> str:
    """A clause on why no labels are told apart, where it is not that they are close; else ""."""
    if not any(pair.effect.tested.error > 0 for pair in ranking.pairs):
        return UNTESTED
    return UNSURE if may_be_chance(ranking, best, last) else ""
