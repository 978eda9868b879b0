"""Ranking labels: means of runs, all pairs, intervals of ranks, and groups that cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool
from numpy import ndarray
from scipy import stats

from posharness_reports.data.grouping import grouped
from posharness_reports.measures.comparison import (
    Arm,
    Effect,
    Together,
    arms,
    beside,
    effect,
    floor_p,
    improvement,
    with_pools,
)
from posharness_reports.measures.scores import NO_DISTANCES
from posharness_reports.measures.statistics import (
    ALPHA,
    RANKING_SHARE,
    Estimate,
    bounded_mean,
    holm,
    mean_of_estimates,
    open_levels,
)

__all__ = [
    "SMALLEST",
    "Pair",
    "Ranking",
    "Rankings",
    "behind_of",
    "corrected",
    "lead",
    "p_of",
    "rank",
    "rank_all",
]


@dataclass(frozen=True)
class Pair:
    """Two labels compared.

    Attributes:
        better: the label with the higher mean.
        effect: of `better` against `other`.
        improvement: the probability that a run of `better` is better than a run of `other`.
        p: two-sided, that there is no difference; as it is, or corrected by `rank_all`. 1 where there is no
            error.
        alone: the same, not corrected.
        least: the p below which so few runs are not believed; see `floor_p`.
        level: what `alone` may be at most, so that they are told apart while all other pairs are as they are.
    """

    better: str
    other: str
    effect: Effect
    improvement: float
    p: float
    alone: float = 1.0
    least: float = 0.0
    level: float = ALPHA


@dataclass(frozen=True)
class Ranking:
    """The labels of one or several blocks, the best first.

    Attributes:
        means: columns label, runs, mean, low, high (95 %, of one mean alone) and middle (the interquartile
            mean of all runs), the highest mean first.
        pairs: all pairs of labels.
        left_out: labels that lack a block, and so are not ranked.
    """

    means: pd.DataFrame
    pairs: tuple[Pair, ...]
    blocks: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """The labels, the highest mean first."""
        return list(self.means["label"])

    def separated(self, alpha: float) -> dict[tuple[str, str], Pair]:
        """The pairs that are told apart, by (better, other)."""
        return {(pair.better, pair.other): pair for pair in self.pairs if pair.p <= alpha}

    def ranks(self, alpha: float) -> dict[str, tuple[int, int]]:
        """The best and the worst rank that the tests of all pairs leave to each label.

        They hold for all labels at once, because the tests of the pairs do (arXiv:1812.05507).
        """
        apart = self.separated(alpha)
        above = {label: sum(other == label for _, other in apart) for label in self.labels}
        below = {label: sum(better == label for better, _ in apart) for label in self.labels}
        return {label: (1 + above[label], len(self.labels) - below[label]) for label in self.labels}

    def groups(self, alpha: float) -> list[list[str]]:
        """The largest sets of labels of which no two are told apart, the best first (Piepho 2004)."""
        groups = [frozenset(self.labels)]
        for pair in self.separated(alpha):
            if not any(group.issuperset(pair) for group in groups):
                continue
            split: list[frozenset[str]] = []
            for group in groups:
                split += [group - {name} for name in pair] if group.issuperset(pair) else [group]
            groups = [group for group in dict.fromkeys(split) if not any(group < other for other in split)]
        order = {label: place for place, label in enumerate(self.labels)}
        return sorted((sorted(group, key=order.__getitem__) for group in groups), key=lambda g: order[g[0]])


def rank(
    values: pd.DataFrame, block: str, every: Iterable[Arm] | None = None, independent: int | None = None
) -> Ranking | None:
    """The ranking of all labels; None with fewer than two labels.

    Every label is ranked by the same parts of a block, those that all ranked labels have: else means would
    differ because the parts do. Labels that lack one of the blocks, or have no part of it in common with most
    others, are left out; if fewer than two remain, the blocks are those of which all labels have a part.

    Args:
        values: columns `block`, part, label, seed and value.
        block: the name of the column that names the block.
        every, independent: the arms whose runs those of a label are tested with; see `with_pools`.
    """
    blocks = with_pools(arms(values, block), every, independent)
    labels = sorted({label for held in blocks.values() for label in held})
    whole = [label for label in labels if all(label in held for held in blocks.values())]
    for held in blocks.values():
        if whole and not _in_common(held, whole).any():
            most = np.sum([held[label].parts for label in whole], axis=0).argmax()
            whole = [label for label in whole if held[label].parts[most]]
    if len(whole) < 2:
        alike = {name: held for name, held in blocks.items() if set(held) == set(labels)}
        blocks = {name: held for name, held in alike.items() if _in_common(held, labels).any()}
        whole = labels if blocks else []
    if len(whole) < 2:
        return None
    parts = {name: _in_common(held, whole) for name, held in blocks.items()}
    by_label = {
        label: {name: held[label].only(parts[name]) for name, held in blocks.items()} for label in whole
    }
    means = pd.DataFrame([_mean(label, by_label[label]) for label in whole])
    means = means.sort_values(["mean", "label"], ascending=[False, True], ignore_index=True)
    pairs = [_pair(by_label, *names) for names in combinations(means["label"], 2)]
    return Ranking(
        means,
        tuple(pairs),
        tuple(blocks),
        tuple(label for label in labels if label not in whole),
    )


def _in_common(held: Mapping[str, Arm], labels: Iterable[str]) -> Bool[ndarray[Any, Any], " p"]:
    """Which parts all of these labels have."""
    return np.asarray(np.logical_and.reduce([held[label].parts for label in labels]))


def lead(ranking: Ranking) -> tuple[str, list[str]]:
    """The first label that is told apart from others, and these, the best first.

    It is the one with the highest mean unless that one is so uncertain that it is told apart from none. If no
    labels are told apart, it is the one with the highest mean, and no others.
    """
    behind = {label: behind_of(ranking, label) for label in ranking.labels}
    best = next((label for label, others in behind.items() if others), ranking.labels[0])
    return best, behind[best]


def behind_of(ranking: Ranking, label: str) -> list[str]:
    """The labels that are told apart from a better one, the best first."""
    apart = ranking.separated(ALPHA)
    return [other for other in ranking.labels if (label, other) in apart]


@dataclass(frozen=True)
class Rankings:
    """All rankings of a report. The p-values are corrected for all pairs of all of them (Holm 1979).

    Half of the error rate is for the rankings over tasks, and half for those of single tasks.

    Attributes:
        overall: by decoding and scope, over the tasks of the store.
        each: by task, objective and scope.
    """

    overall: Mapping[tuple[str, str], Ranking]
    each: Mapping[tuple[str, str, str], Ranking]


def rank_all(scores: pd.DataFrame, alpha: float = ALPHA) -> Rankings:
    """Every ranking of these scores.

    Args:
        alpha: the rate of false statements of the report. p-values are corrected so that they compare with
            `ALPHA` whatever it is.
        scores: columns `posharness_reports.measures.scores.SCORES`.
    """
    overall = {
        (str(decoding), str(scope)): found
        for (decoding, scope), rows in grouped(scores, ["decoding", "scope"])
        if (found := rank(rows, "posed")) is not None and len(found.blocks) > 1
    }
    each = {}
    # Runs of the other decoding are beside those of one; tasks without distances have other scores.
    rows_of = scores.assign(distances=~scores["decoding"].astype(str).str.endswith(NO_DISTANCES))
    around = {
        key: beside(alike, "posed", ["task", "objective"])
        for key, alike in grouped(rows_of, ["distances", "scope"])
    }
    places = ["decoding", "scope", "task", "objective", "distances"]
    for (_, scope, task, objective, distances), rows in grouped(rows_of, places):
        if (found := rank(rows, "task", *around[distances, scope])) is not None:
            each[str(task), str(objective), str(scope)] = found
    families = [list(overall.values()), list(each.values())]
    p = [[pair.p for ranking in family for pair in ranking.pairs] for family in families]
    scaled = [min(value * ALPHA / alpha, 1.0) for value in corrected(*p)]
    levels = open_levels([value <= ALPHA for value in scaled], _weights(*p))
    remaining = iter(zip(scaled, levels, strict=True))

    def with_p(ranking: Ranking) -> Ranking:
        found = ((pair, *next(remaining)) for pair in ranking.pairs)
        pairs = (replace(pair, p=p, level=alpha * RANKING_SHARE * level) for pair, p, level in found)
        return replace(ranking, pairs=tuple(pairs))

    return Rankings(
        {key: with_p(ranking) for key, ranking in overall.items()},
        {key: with_p(ranking) for key, ranking in each.items()},
    )


def corrected(overall: Sequence[float], each: Sequence[float]) -> list[float]:
    """The p-values of all pairs over tasks and of all on single tasks, corrected, in this order."""
    found = holm([*overall, *each], _weights(overall, each))
    return [min(value / RANKING_SHARE, 1.0) for value in found]


def _weights(overall: Sequence[float], each: Sequence[float]) -> list[float]:
    """The part of the error rate of each pair: half of it for all over tasks, and half for all on one."""
    return [1 / len(values) for values in (overall, each) for _ in values]


def p_of(found: Effect, one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together]) -> float:
    """The two-sided p that there is no difference, not below `floor_p`; 1 without an error."""
    p = 2 * min(found.tested.p_above(0.0), found.tested.p_below(0.0))
    return 1.0 if np.isnan(p) else max(p, floor_p(one, other))


SMALLEST = 0.05
"""The smallest difference of scores that matters."""


def _mean(label: str, held: Mapping[str, Arm]) -> dict[str, float | int | str]:
    """The mean over blocks of one label, with its interval."""
    found = [arm.estimate(arm.parts) for arm in held.values()]
    mean, error, freedom = (np.array([getattr(each, name) for each in found]) for name in _FIELDS)
    k = len(found)
    every = np.concatenate([arm.by_seed(arm.parts) for arm in held.values()])
    overall = Estimate(float(mean.mean()), float("nan"), float("nan"))
    low = high = float("nan")
    if k == 1:
        _, low, high = bounded_mean(every)
    elif np.isfinite(error).all():
        _, pooled, nu = mean_of_estimates(mean / k, (error / k) ** 2, freedom)
        overall = Estimate(overall.mean, float(pooled), float(nu))
        low, high = overall.inside()
    return {
        "label": label,
        "runs": sum(arm.runs for arm in held.values()),
        "mean": overall.mean,
        "low": low,
        "high": high,
        "middle": float(stats.trim_mean(every, 0.25)) if len(every) else float("nan"),
    }


_FIELDS = ("mean", "error", "freedom")


def _pair(by_label: Mapping[str, Mapping[str, Arm]], one: str, other: str) -> Pair:
    """Two labels compared, of which the first has the mean that is not lower."""
    sides = (by_label[one], by_label[other])
    found = effect(*sides)
    if found is not None and found.overall.mean < 0:
        # In the blocks with several runs of both, the order is not that of the means: there is no test.
        found = effect(*sides, single=True)
    assert found is not None
    p = p_of(found, *found.sides)
    better = improvement(by_label[one], by_label[other])
    return Pair(one, other, found, better, p, alone=p, least=floor_p(*found.sides))
