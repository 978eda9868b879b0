"""What a report leaves open: contrasts of claims without a verdict, and pairs that are not told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from posharness.contracts import Claim, Frames, Undecided
from posharness_reports.measures.power import at_most, more_seeds
from posharness_reports.measures.ranking import SMALLEST, Pair, Ranking
from posharness_reports.measures.statistics import ALPHA, RANKING_SHARE
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import Study, study

__all__ = ["is_open", "missing_seeds", "undecided"]


def undecided(frames: Frames, claims: Sequence[Claim] = (), alpha: float = ALPHA) -> list[Undecided]:
    """See `posharness.contracts.Compiler.undecided`."""
    ready = study(frames, claims, alpha=alpha).trained
    return [*_claims(ready), *_pairs(ready)]


def _claims(ready: Study) -> Iterator[Undecided]:
    posed = _posed(ready)
    for contrast in judge_claims(ready):
        if contrast.evidence is not None and contrast.outcome == "undecided":
            blocks = contrast.evidence.effect.by_block
            yield Undecided(
                f"{contrast.claim.name}: {contrast.better} against {contrast.other}, {contrast.decoding}",
                contrast.labels,
                tuple(sorted({posed.get(block, block) for block in blocks})),
                contrast.seeds_to_decide,
            )


def _pairs(ready: Study) -> Iterator[Undecided]:
    rankings = ready.rankings
    posed = _posed(ready)
    named: list[tuple[str, tuple[str, ...], Ranking]] = [
        (", ".join(key), ranking.blocks, ranking) for key, ranking in rankings.overall.items()
    ]
    named += [
        (", ".join(key), (posed.get(key[0], key[0]),), ranking) for key, ranking in rankings.each.items()
    ]
    number = sum(len(ranking.pairs) for _, _, ranking in named)
    for place, tasks, ranking in named:
        for pair in ranking.pairs:
            if is_open(pair, number, ready.alpha):
                yield Undecided(
                    f"ranking: {place}",
                    (pair.better, pair.other),
                    tasks,
                    missing_seeds(pair, number, ready.alpha),
                )


def is_open(pair: Pair, number: int, alpha: float) -> bool:
    """Whether two labels are neither told apart nor sure to differ by less than matters.

    Args:
        number: of pairs in all rankings of the report, for which both tests are corrected.
        alpha: the rate of false statements of the report.
    """
    overall = pair.effect.tested
    p = max(overall.p_above(-SMALLEST), overall.p_below(SMALLEST))
    return pair.p > ALPHA and not p * number / RANKING_SHARE <= alpha


def missing_seeds(pair: Pair, number: int, alpha: float) -> int | None:
    """The seeds to add to each label of the report so that a pair is likely to be open no longer.

    It is then told apart, or sure to differ by less than matters; see `is_open` and `more_seeds`.
    """
    apart = more_seeds(pair.effect, 0.0, pair.level)
    same = math.inf
    if abs(pair.effect.tested.mean) < SMALLEST:
        same = more_seeds(pair.effect, SMALLEST, 2 * alpha * RANKING_SHARE / number, floor=False)
    return at_most(min(apart, same), pair.effect)


def _posed(ready: Study) -> dict[str, str]:
    """The name in the store of each prepared task."""
    return dict(zip(ready.cells["task"], ready.cells["posed"], strict=True))
