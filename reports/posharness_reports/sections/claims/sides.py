"""The sides of a contrast: which labels it compares, alone, as groups, or each with its twin."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd

from posharness.contracts.claim import Contrast, Group, Twins

__all__ = ["SEPARATOR", "Sides", "sides"]

SEPARATOR = "\x1f"
"""Between a label and its body, where bodies are compared."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Two sides, with the values of their runs.

    Attributes:
        heads: what the sides are called, without their members.
        members: the labels of each side; of twins, in the same order.
        twins: whether a member counts only where its twin does.
        rows: columns block, part, label, seed, value, reason.
        cells: the prepared cells, with the labels of `members`.
        listed: whether the name of a side lists its members.
        suffix: what follows both names.
    """

    heads: tuple[str, str]
    members: tuple[tuple[str, ...], tuple[str, ...]]
    twins: bool
    rows: pd.DataFrame
    cells: pd.DataFrame
    listed: tuple[bool, bool] = (False, False)
    suffix: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """What the report calls them: "relative encodings (alibi, rope)", or "rope" where it is alone."""
        one, two = (
            (self._named(head, members) if listed else head) + self.suffix
            for head, listed, members in zip(self.heads, self.listed, self.members, strict=True)
        )
        return one, two

    def _named(self, head: str, members: tuple[str, ...]) -> str:
        """A side with its members; a group of one is that member."""
        alone = len(members) == 1 and not self.twins
        return _listed(members) if alone else f"{head} ({_listed(members)})"

    def only(self, labels: Collection[str]) -> Sides:
        """The sides with these labels alone, of twins with the pairs of which both are among them."""
        if self.twins:
            pairs = [pair for pair in zip(*self.members, strict=True) if set(pair) <= set(labels)]
            return replace(self, members=(tuple(a for a, _ in pairs), tuple(b for _, b in pairs)))
        one, two = (tuple(label for label in side if label in labels) for side in self.members)
        return replace(self, members=(one, two))


@dataclass(frozen=True)
class _Label:
    """What is known of a label."""

    label: str
    encoding: str
    attention: str
    family: str
    trainable: bool
    params: frozenset[tuple[str, str]]

    @property
    def frozen(self) -> bool:
        """Whether its parameters are kept as they start."""
        return ("trained", "False") in self.params

    @property
    def twin(self) -> tuple[Any, ...]:
        """What it shares with the label that differs from it in `trained` alone."""
        return self.encoding, self.attention, frozenset(p for p in self.params if p[0] != "trained")


def sides(contrast: Contrast, values: pd.DataFrame, cells: pd.DataFrame) -> Iterator[Sides]:
    """The pairs of sides that a contrast means among these cells.

    Args:
        values: columns block, part, label, seed, value and reason.
        cells: prepared.
    """
    known = _labels(cells)
    if isinstance(contrast, Twins):
        yield from _twins(contrast, known, values, cells)
    elif all(isinstance(side, str) for side in contrast):
        for one, other in _pairs(known, str(contrast[0]), str(contrast[1])):
            yield Sides((one, other), ((one,), (other,)), False, values, cells)
    else:
        yield from _groups(contrast, known, values, cells)


def _labels(cells: pd.DataFrame) -> list[_Label]:
    found: dict[str, _Label] = {}
    columns = ("label", "encoding", "attention", "family", "encoding_parameters", "params")
    for label, encoding, attention, family, own, params in zip(
        *(cells[name] for name in columns), strict=True
    ):
        given = params.items() if isinstance(params, Mapping) else ()
        each = _Label(
            str(label),
            str(encoding),
            str(attention),
            family if isinstance(family, str) else "",
            bool(own == own and own and own > 0),
            frozenset((str(name), str(value)) for name, value in given),
        )
        # A cell that never began knows no more than its name.
        before = found.setdefault(each.label, each)
        found[each.label] = replace(
            before, family=before.family or each.family, trainable=before.trainable or each.trainable
        )
    return [found[label] for label in sorted(found)]


def _pairs(known: list[_Label], better: str, other: str) -> list[tuple[str, str]]:
    """Pairs of labels with the same attention that two names mean.

    A label is never compared with itself, and one that is named is not also meant by its encoding.
    """
    return sorted(
        (one.label, two.label)
        for one, two in product(known, known)
        if _means(better, one, but=other)
        and _means(other, two, but=better)
        and one.attention == two.attention
        and one.label != two.label
    )


def _means(name: str, label: _Label, *, but: str = "") -> bool:
    """Whether a name means a label: by its encoding, or with parameters in brackets that label alone."""
    own = label.label.partition(" · ")[0]  # without the attention
    return own == name if "[" in name else label.encoding == name and own != but


def _groups(
    contrast: tuple[str | Group, str | Group], known: list[_Label], values: pd.DataFrame, cells: pd.DataFrame
) -> Iterator[Sides]:
    for attention in sorted({label.attention for label in known}):
        own = [label for label in known if label.attention == attention]
        members = [[label.label for label in own if _belongs(label, side)] for side in contrast]
        shared = set(members[0]) & set(members[1])
        one, other = (
            tuple(label for label in side if label not in shared or isinstance(given, str))
            for side, given in zip(members, contrast, strict=True)
        )
        if one and other:
            suffix = f" · {attention}" if len({label.attention for label in known}) > 1 else ""
            heads = [f"{side} encodings" if isinstance(side, Group) else side for side in contrast]
            listed = (isinstance(contrast[0], Group), isinstance(contrast[1], Group))
            yield Sides((heads[0], heads[1]), (one, other), False, values, cells, listed, suffix)


def _belongs(label: _Label, side: str | Group) -> bool:
    if isinstance(side, str):
        return _means(side, label)
    if label.family != side.family or label.frozen:
        return False
    return not side.kind or label.trainable == (side.kind == "trained")


def _listed(members: tuple[str, ...]) -> str:
    """The members, without what all of a side share: the attention, or the body."""
    plain = [
        label.partition(SEPARATOR)[0] if SEPARATOR in label else label.partition(" · ")[0]
        for label in members
    ]
    return ", ".join(
        plain if len(plain) <= _NAMED else [*plain[: _NAMED - 1], f"{len(plain) - _NAMED + 1} more"]
    )


_NAMED = 4


def _twins(
    contrast: Twins, known: list[_Label], values: pd.DataFrame, cells: pd.DataFrame
) -> Iterator[Sides]:
    names = (contrast.better, contrast.other)
    if contrast.by == "body":
        yield from _bodies(names, values, cells)
        return
    trained = contrast.by == "trained"
    found: dict[tuple[Any, ...], dict[str, str]] = {}
    for label in known:
        if trained and (label.frozen or label.trainable):
            found.setdefault(label.twin, {})[names[label.frozen]] = label.label
        elif not trained and label.attention in names:
            found.setdefault((label.encoding, label.params), {})[label.attention] = label.label
    pairs = sorted((pair[names[0]], pair[names[1]]) for pair in found.values() if len(pair) == 2)
    if pairs:
        one, other = zip(*pairs, strict=True)
        yield Sides(names, (one, other), True, values, cells, (True, False))


def _bodies(names: tuple[str, str], values: pd.DataFrame, cells: pd.DataFrame) -> Iterator[Sides]:
    """Runs of one label with two bodies: prepared tasks of their own, but one task in the store."""

    def marked(rows: pd.DataFrame, body: pd.Series[str]) -> pd.DataFrame:
        return rows.assign(label=rows["label"].astype(str) + SEPARATOR + body.astype(str))

    of_task = dict(zip(cells["task"].astype(str), cells["body"].astype(str), strict=True))
    bodies = [of_task.get(task, "") for task in values["prepared"]]
    own = marked(values, pd.Series(bodies, values.index, dtype=object))
    # The name of the prepared task holds the body; without it, the parts of both bodies are the same.
    parts = [
        part.replace(f"({body}", "(").replace(f", {body}", "")
        for part, body in zip(own["part"], bodies, strict=True)
    ]
    own = own.assign(part=parts)
    of_block: dict[str, set[str]] = {}
    for block, body in zip(own["block"], bodies, strict=True):
        of_block.setdefault(block, set()).add(body)
    own = own[pd.Series([set(names) <= of_block[block] for block in own["block"]], own.index, dtype=bool)]
    have = {name: {label for label in own["label"] if label.endswith(SEPARATOR + name)} for name in names}
    both = sorted(
        label.partition(SEPARATOR)[0]
        for label in have[names[0]]
        if label.partition(SEPARATOR)[0] + SEPARATOR + names[1] in have[names[1]]
    )
    if both:
        one, other = (tuple(label + SEPARATOR + name for label in both) for name in names)
        yield Sides(names, (one, other), True, own, marked(cells, cells["body"]), (True, False))
