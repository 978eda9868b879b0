"""Why labels that are far apart are not told apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from posharness_reports.formatting import enumerate_words, show
from posharness_reports.measures.comparison import Arm, Together
from posharness_reports.measures.ranking import Pair, Ranking
from posharness_reports.measures.statistics import ALPHA

__all__ = ["one_seed", "why_not_apart", "why_tied"]

_NAMED = 3


def why_not_apart(ranking: Ranking, best: str, last: str, *, named: bool = True) -> str:
    """A clause on why two labels are not told apart, where it is not that they are close; else "".

    Brackets are about the runs of each label alone. Where by these runs the difference leaves out 0, the test
    counts something else too, and the clause says what: the runs beside them, how few seeds there are, or
    all other pairs and the claims.

    Args:
        named: whether to name the two; else the sentence before has named them, and no others.
    """
    pair = _pair(ranking, best, last)
    if pair is None:
        return ""
    if not _tested(pair):
        return _untested(ranking, [pair])
    if not _gap(pair) > 0:
        return ""
    both = f"{best} and {last}" if named else "these two"
    few = pair.alone <= pair.least  # the p is the least that so few runs can give
    if pair.alone > ALPHA:
        why = "with so few seeds" if few else f"for {_beside(pair)}"
        return f"; {both} can differ like this by chance, {why}"
    why = ", but"
    if _own_p(pair) <= pair.level:  # then not the correction alone
        why = f", {'the least that so few seeds can give' if few else f'for {_beside(pair)}'}, and"
    alone = f"p is {show(pair.alone)} for {both} alone"
    return f"; {alone}{why} above {ALPHA} corrected for all pairs and claims"


def why_tied(ranking: Ranking, best: str, tied: Sequence[str]) -> str:
    """The clause of `why_not_apart` on the label that is farthest from the best of those that tie with it.

    A second one names the labels that one seed leaves untested.
    """
    pairs = {label: pair for label in tied if (pair := _pair(ranking, best, label)) is not None}
    gaps = {label: _gap(pair) for label, pair in pairs.items() if _tested(pair)}
    why = why_not_apart(ranking, best, max(gaps, key=gaps.__getitem__)) if gaps else ""
    return why + _untested(ranking, [pair for label, pair in pairs.items() if label not in gaps])


def one_seed(single: Collection[str], labels: Collection[str]) -> str:
    """Which labels have one seed: "rope has one seed".

    Args:
        single: those with one on every task.
        labels: all that are compared.
    """
    if set(single) == set(labels):
        return "one seed of each"
    if not single:
        return "one seed of some encoding on each task"
    names = enumerate_words(list(single)) if len(single) <= _NAMED else f"{len(single)} encodings"
    return f"{names} {'has' if len(single) == 1 else 'have'} one seed"


def _untested(ranking: Ranking, pairs: Sequence[Pair]) -> str:
    """A clause on the labels that leave these pairs without a test; "" without a pair."""
    turned = [pair for pair in pairs if _turned(pair)]
    if turned:
        clause = (
            "; on the tasks with several seeds of both, the order is the opposite, so they are not tested"
        )
        return clause + _untested(ranking, [pair for pair in pairs if not _turned(pair)])
    if not pairs:
        return ""
    every = [label for label in ranking.labels if _single(label, ranking.pairs)]
    about = {label for pair in pairs for label in (pair.better, pair.other)}
    if len(every) == len(ranking.labels):
        return f"; {one_seed(every, ranking.labels)} tests nothing"
    return f"; {one_seed([label for label in every if label in about], ranking.labels)}, which tests nothing"


def _turned(pair: Pair) -> bool:
    """Whether a pair has no test although both labels have several runs on some task."""
    one, other = pair.effect.sides
    return not _tested(pair) and any(min(one[block].runs, other[block].runs) > 1 for block in one)


def _single(label: str, pairs: Sequence[Pair]) -> bool:
    """Whether a label has one run on every task."""
    own = [side for pair in pairs for name, side in _sides(pair).items() if name == label]
    return all(arm.fewest == 1 for side in own for arm in side.values())


def _beside(pair: Pair) -> str:
    """Beside which of two labels runs vary more than its own, so that it is tested with their variance."""
    sides = _sides(pair)
    one, other = sides.values()
    parts = {block: one[block].parts & other[block].parts for block in one}
    names = [name for name, side in sides.items() if any(side[block].borrows(parts[block]) for block in side)]
    return f"runs beside {names[0] if len(names) == 1 else 'them'} vary more"


def _own_p(pair: Pair) -> float:
    """The p of a pair by its own runs alone."""
    found = pair.effect.overall
    return 2 * min(found.p_above(0.0), found.p_below(0.0))


def _tested(pair: Pair) -> bool:
    return pair.effect.tested.error > 0


def _sides(pair: Pair) -> dict[str, Mapping[str, Arm | Together]]:
    return dict(zip((pair.better, pair.other), pair.effect.sides, strict=True))


def _pair(ranking: Ranking, one: str, other: str) -> Pair | None:
    return next((pair for pair in ranking.pairs if {pair.better, pair.other} == {one, other}), None)


def _gap(pair: Pair) -> float:
    """The least difference that the runs of the two labels leave possible."""
    return pair.effect.overall.interval()[0]
