"""The members of the sides of a contrast: together in each block, each alone, and whether they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from posharness_reports.measures.comparison import Arm, Effect, Together, effect, few, least_p
from posharness_reports.measures.statistics import heterogeneity
from posharness_reports.sections.claims.sides import Sides

__all__ = ["Arms", "Members", "arms_of", "by_label", "compare_members"]

Held = Mapping[str, Mapping[str, Arm]]
"""Block to label to its runs."""

Arms = Mapping[str, Arm | Together]
"""Block to the runs of a side."""


@dataclass(frozen=True)
class Members:
    """The members of one side, each against the other side, over the tasks that all of them have.

    Attributes:
        side: 0 for the first side, 1 for the second.
        effects: of each member, as the contrast is written: positive where the first side is better.
        p: that all have one effect; as it is, or corrected for the members of all contrasts.
    """

    side: int
    effects: Mapping[str, Effect]
    p: float


def arms_of(held: Held, both: Sides) -> tuple[Arms, Arms]:
    """The two sides in each block; a member of a group that has no value in a block is left out of it."""
    one: dict[str, Arm | Together] = {}
    two: dict[str, Arm | Together] = {}
    for block, known in held.items():
        members = [[label for label in side if label in known] for side in both.members]
        if both.twins:
            pairs = [pair for pair in zip(*both.members, strict=True) if set(pair) <= set(known)]
            members = [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
        for side, labels in zip((one, two), members, strict=True):
            if labels:
                own = tuple(known[label] for label in labels)
                side[block] = own[0] if len(own) == 1 else Together(own)
    return one, two


def by_label(held: Held, both: Sides) -> dict[str, Effect]:
    """The effect of each label of the first side against the second, and of the second against the first."""
    if max(map(len, both.members)) == 1:
        return {}
    found: dict[str, Effect] = {}
    for place, members in enumerate(both.members[: 1 if both.twins else 2]):
        for label, alone in zip(members, _each_alone(both, place), strict=True):
            if (own := effect(*arms_of(held, alone if place == 0 else _turned(alone)))) is not None:
                found[label] = own
    return found


def compare_members(held: Held, both: Sides) -> tuple[Members, ...]:
    """Whether the members of each side with several differ, by Welch's test of their effects.

    They also differ if two have effects of opposite signs. The members of a group are compared with the same
    runs, which makes their effects more alike than independent ones: the test says too little rather than
    too much. Tasks on which any of them lacks two runs are left out, so that members do not differ by tasks.
    """
    found = []
    for place, members in enumerate(both.members[: 1 if both.twins else 2]):
        if len(members) < 2:
            continue
        sides = [arms_of(held, alone) for alone in _each_alone(both, place)]
        blocks = set.intersection(*(_repeated(one) & _repeated(two) for one, two in sides))
        one_by_one = [[{block: side[block] for block in blocks} for side in pair] for pair in sides]
        effects = {label: effect(*pair) for label, pair in zip(members, one_by_one, strict=True)}
        known = {label: own for label, own in effects.items() if own is not None}
        if len(known) == len(members):
            own = [pair[place] for pair in one_by_one]
            # With two runs, exchanging them between two members gives no less.
            least = min(least_p(one, other) for one, other in combinations(own, 2)) if few(own) else 0.0
            found.append(Members(place, known, max(_p_alike(list(known.values())), least)))
    return tuple(found)


def _repeated(arms: Arms) -> set[str]:
    """The blocks with two runs or more of each label."""
    return {block for block, arm in arms.items() if arm.fewest > 1}


def _p_alike(effects: list[Effect]) -> float:
    """The p that all effects are the same."""
    overall = [each.tested for each in effects]
    ends = max(min(e.p_above(0.0) for e in overall), min(e.p_below(0.0) for e in overall))
    p = 2 * min(heterogeneity(overall), 2 * len(effects) * ends)
    return 1.0 if np.isnan(p) else min(p, 1.0)


def _each_alone(both: Sides, place: int) -> Iterator[Sides]:
    """The contrast with one member of a side after the other, in the order of the sides."""
    for position, label in enumerate(both.members[place]):
        rest = both.members[1 - place]
        against = (rest[position],) if both.twins else rest
        yield replace(both, members=((label,), against) if place == 0 else (against, (label,)))


def _turned(both: Sides) -> Sides:
    return replace(both, members=both.members[::-1])
