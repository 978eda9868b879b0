"""Sentences that say what a figure shows, each made from the rows that are drawn.

Two means differ even where two encodings do not. So a sentence says of a line what its whole band says
("surely keeps 0.90 to 64 tokens": the band is above at every distance up to there), or counts what single
runs did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.figures.palette import FAMILIES, OTHERS, family
from posharness_reports.formatting import count, difference, enumerate_words, fraction, show
from posharness_reports.measures.reach import THRESHOLD

__all__ = [
    *("above_zero", "changed", "cost", "fell", "kept", "kept_by_family", "kept_fields"),
    *("near_keys", "nearer_than_equal", "reached", "verdict_counts"),
]

_NAMED, _PLACES = 4, 4
"""The labels that a clause names, and the places that have a clause each."""


@dataclass(frozen=True)
class _Kept:
    """What the band of a line says about a level: where it is last surely kept, and first surely lost.

    Attributes:
        to: up to where the band is above the level at every point; "" if not at the first.
        lost: where the band is first below it; "" if nowhere.
        undefined: where the encoding is first undefined; "" if nowhere.
        whole: whether it is above at every point.
    """

    to: str
    lost: str
    undefined: str
    whole: bool

    def words(self, one: bool, level: str, unit: str) -> str:
        """What one label does, or several do."""
        keeps, is_ = ("keeps", "is") if one else ("keep", "are")
        if self.whole:
            return f"surely {keeps} {level} to {_at(self.to, unit)}, the farthest"
        parts = [f"surely {keeps} {level} to {_at(self.to, unit)}"] if self.to else []
        if self.lost:
            parts.append(f"{is_} surely below {'it' if self.to else level} at {_at(self.lost, unit)}")
        if self.undefined:
            parts.append(f"{is_} undefined at {_at(self.undefined, unit)}")
        return enumerate_words(parts) or f"{is_} nowhere surely below {level}"


def kept(data: pd.DataFrame, of: str, unit: str = "tokens") -> str:
    """To where lines surely keep to `THRESHOLD`, with their whole band.

    Args:
        data: columns place (what the panel is about), label, x, at (the name of x), low and high (the band;
            NaN for none) and seeds; undefined, if encodings can be; and scope, where panels are of several:
            each is said apart.
        of: what the level is of.
    """
    known = data["low"].notna() & data["high"].notna()
    if not known.any():
        return f"No line has an interval of its {of}."
    data = data[known | data["undefined"]] if "undefined" in data else data[known]
    if "scope" not in data:
        texts = [_kept_in(data, "", unit)]
    else:
        texts = [_kept_in(rows, str(scope), unit) for (scope,), rows in grouped(data, ["scope"])]
    return f"{'. '.join(texts)} ({of}; surely: {_whose(data)})."


def _kept_in(data: pd.DataFrame, scope: str, unit: str) -> str:
    """To where lines keep, of one scope."""
    level = fraction(THRESHOLD)
    found = {
        str(place): {str(label): _kept(own) for (label,), own in grouped(rows, ["label"])}
        for (place,), rows in grouped(data, ["place"])
    }
    if len(found) > _PLACES:
        text = _over_places(found, level)
        return f"{scope[:1].upper()}{scope[1:]}, {text[:1].lower()}{text[1:]}" if scope else text
    clauses = [f"{scope}, on {place}" if scope else f"on {place}" for place in found]
    return ". ".join(
        f"{where[:1].upper()}{where[1:]}: {_lines(lines, level, unit)}"
        for where, lines in zip(clauses, found.values(), strict=True)
    )


def kept_by_family(data: pd.DataFrame, of: str) -> str:
    """How many lines of each kind of encodings keep to `THRESHOLD` everywhere; see `kept`."""
    data = data[data["low"].notna() & data["high"].notna()]
    if data.empty:
        return f"No line has an interval of its {of}."
    members: dict[str, list[_Kept]] = {name: [] for name in (*FAMILIES, OTHERS)}
    for (_, label), own in grouped(data, ["place", "label"]):
        members[family(str(label))].append(_kept(own))
    clauses = [
        f"{sum(each.whole for each in lines)} of {len(lines)} ({name})"
        for name, lines in members.items()
        if lines
    ]
    level = fraction(THRESHOLD)
    return (
        f"Lines that surely keep {level} at every point: {'; '.join(clauses)} ({of}; surely: {_whose(data)})."
    )


def kept_fields(data: pd.DataFrame) -> str:
    """In how many fields each label is surely at `THRESHOLD` or above.

    Args:
        data: columns scope, task, label, low and high (NaN where a field has no interval) and seeds.
    """
    known = data[data["low"].notna() & data["high"].notna()]
    if known.empty:
        return "No field has an interval of its normalised accuracy."
    scopes = []
    for (scope,), rows in grouped(known, ["scope"]):
        each = {
            str(label): (int((own["low"] >= THRESHOLD).sum()), len(own))
            for (label,), own in grouped(rows, ["label"])
        }
        if len(each) <= _NAMED:
            ordered = sorted(each.items(), key=lambda item: (-item[1][0], item[0]))
            text = ", ".join(f"{label} in {n} of {count(of, 'field')}" for label, (n, of) in ordered)
        else:
            text = _most_and_least(each)
        scopes.append(f"{scope}, {text}")
    level = f"Surely at {fraction(THRESHOLD)} or above"
    return f"{level} {'; '.join(scopes)} (normalised accuracy; surely: {_whose(known)})."


def _most_and_least(each: Mapping[str, tuple[int, int]]) -> str:
    """Of many labels, the shares of their fields at both ends, and whose these are."""
    shares = {label: n / of for label, (n, of) in each.items()}
    ends = []
    for share in dict.fromkeys((max(shares.values()), min(shares.values()))):
        named = sorted(label for label in each if shares[label] == share)
        who = enumerate_words(named) if len(named) <= _NAMED else f"{len(named)} of {len(each)} encodings"
        where = _of_fields(
            {each[label] for label in named}, "its" if len(named) in (1, len(each)) else "their"
        )
        ends.append(f"{who} in {where}")
    if len(ends) == 1:
        return f"each encoding {ends[0].partition(' encodings ')[2]}" if len(each) > _NAMED else ends[0]
    return f"most often {ends[0]}, least often {ends[1]}"


def _of_fields(counts: Collection[tuple[int, int]], whose: str) -> str:
    """In how many fields, of labels that have the same share, and can have other numbers of fields."""
    n, of = min(counts)
    if len(counts) == 1:
        return f"{n} of {count(of, 'field')}"
    words = {0: "none", of: "all"}.get(n, f"{fraction(n / of)}")
    return f"{words} of {whose} fields"


def changed(data: pd.DataFrame, unit: str) -> str:
    """How lines change from their first point to their last, where their bands there do not overlap.

    Args:
        data: columns place, label, x, at, y, low and high.
    """
    clauses = []
    for (place,), rows in grouped(data[data["low"].notna() & data["high"].notna()], ["place"]):
        words: dict[str, list[str]] = {}
        for (label,), own in grouped(rows, ["label"]):
            words.setdefault(_change(own.sort_values("x", kind="stable"), unit), []).append(str(label))
        clauses.append(f"{place}: {_grouped(words)}")
    return f"{'; '.join(clauses)} (by the whole band)." if clauses else "No line has an interval."


def above_zero(data: pd.DataFrame) -> str:
    """At how many points the whole band of each line is above 0, and at how many below.

    Args:
        data: columns place, label, x, low and high.
    """
    clauses = []
    for (place,), rows in grouped(data[data["low"].notna() & data["high"].notna()], ["place"]):
        words: dict[str, list[str]] = {}
        for (label,), own in grouped(rows, ["label"]):
            above, below = int((own["low"] > 0).sum()), int((own["high"] < 0).sum())
            text = f"above 0 at {above} of {count(len(own), 'point')} and below at {below}"
            words.setdefault(text, []).append(str(label))
        clauses.append(f"{place}: {_grouped(words)}")
    return f"{'; '.join(clauses)} (by the whole band)." if clauses else "No line has an interval."


def reached(data: pd.DataFrame) -> str:
    """In how many runs validation accuracy gets to `THRESHOLD`, and when.

    Args:
        data: columns place, label, run, step, validation_score and train_loss; NaN where not measured.
    """
    known = data[data["validation_score"].notna()]
    if known.empty:
        return fell(data, "train_loss", "training loss")
    level = fraction(THRESHOLD)
    first: dict[str, dict[str, list[float]]] = {}
    for (place, label, _), own in grouped(known, ["place", "label", "run"]):
        steps = own.loc[own["validation_score"] >= THRESHOLD, "step"]
        first.setdefault(str(place), {}).setdefault(str(label), []).append(float(steps.min()))
    few = len(first) <= _PLACES and max(map(len, first.values())) <= _NAMED
    if few:
        clauses = [
            f"on {place} in {enumerate_words([f'{_runs(steps)} of {label}' for label, steps in of.items()])}"
            for place, of in first.items()
        ]
        return f"Validation accuracy reaches {level} {'; '.join(clauses)}."
    if len(first) <= _PLACES:
        each = [
            f"on {place} in {_runs([step for steps in of.values() for step in steps])}"
            for place, of in first.items()
        ]
        return f"Validation accuracy reaches {level} {'; '.join(each)}."
    every = [step for of in first.values() for steps in of.values() for step in steps]
    return f"Validation accuracy reaches {level} in {_runs(every)}."


def fell(data: pd.DataFrame, column: str, of: str) -> str:
    """In how many runs a loss ends lower than it began.

    Args:
        data: columns place, label, run, step and `column`.
    """
    runs: dict[str, list[bool]] = {}
    for (place, _, _), own in grouped(data[data[column].notna()], ["place", "label", "run"]):
        loss = own.sort_values("step", kind="stable")[column].astype(float)
        runs.setdefault(str(place), []).append(bool(loss.iloc[-1] < loss.iloc[0]))
    if not runs:
        return f"No {of} was logged."
    if len(runs) > _PLACES:
        runs = {"": [each for own in runs.values() for each in own]}
    clauses = [
        f"in {sum(own)} of {count(len(own), 'run')}{' of ' if place else ''}{place}"
        for place, own in runs.items()
    ]
    return f"The {of} ends lower than it began {enumerate_words(clauses)}."


def cost(data: pd.DataFrame) -> str:
    """What a token takes at the longest length that most plugins have, and how that grows with length.

    Args:
        data: columns plugin, length, batch, seconds, fastest, slowest and mebibytes.
    """
    plugins = data.groupby("length")["plugin"].nunique()
    length = int(max(plugins.index[plugins == plugins.max()]))
    rows = data[data["length"] == length].sort_values(["seconds", "plugin"], kind="stable")
    tokens = rows["length"] * rows["batch"]
    time, memory = 1e6 * rows["seconds"] / tokens, 1024 * rows["mebibytes"] / tokens
    parts = [f"{_ends(time)} µs", *([f"{_ends(memory)} KiB"] if memory.notna().any() else [])]
    text = f"At {show(length)} tokens, a token of a training step takes {' and '.join(parts)}"
    # The times of single steps vary: a plugin is named only where none of its are among another's.
    if len(rows) > 1:
        named = []
        if rows["slowest"].iloc[0] < rows["fastest"].iloc[1:].min():
            named.append(f"least with {rows['plugin'].iloc[0]}")
        if rows["slowest"].iloc[:-1].max() < rows["fastest"].iloc[-1]:
            named.append(f"most with {rows['plugin'].iloc[-1]}")
        ends = enumerate_words(named) or "no plugin surely takes least or most"
        text += f"; {'time is ' if named else ''}{ends}"
    return f"{text}.{_growth(data, length)}"


def _growth(data: pd.DataFrame, length: int) -> str:
    """How the time per token changes from the shortest length to this one, of the plugins that have both."""
    shortest = int(data["length"].min())
    rates = data.assign(rate=data["seconds"] / data["length"]).pivot_table("rate", "plugin", "length")
    ratios = (rates[length] / rates[shortest]).dropna()
    if shortest == length or ratios.empty:
        return ""
    return f" From {show(shortest)} tokens on, the time per token becomes {_ends(ratios)} times as long."


def nearer_than_equal(data: pd.DataFrame) -> str:
    """How many heads of each label attend nearer than with equal weights, in every seed.

    Args:
        data: of one task; columns label, low and high (the mean attended distance of the lowest and the
            highest seed), uniform and seeds.
    """
    each = {
        str(label): (
            int((own["high"] < own["uniform"]).sum()),
            int((own["low"] > own["uniform"]).sum()),
            len(own),
        )
        for (label,), own in grouped(data, ["label"])
    }
    seeds = int(data["seeds"].max())
    where = "in every seed" if seeds > 1 else "in the one seed"
    if len(each) <= _NAMED:
        text = "; ".join(
            f"{label}: {near} of {count(n, 'head')} nearer and {far} farther"
            for label, (near, far, n) in each.items()
        )
        return f"Heads that attend nearer or farther than with equal weights, {where}: {text}."
    near, far, n = (sum(numbers) for numbers in zip(*each.values(), strict=True))
    return (
        f"Of {count(n, 'head')} of {count(len(each), 'encoding')}, {near} attend nearer than with equal "
        f"weights {where}, and {far} farther."
    )


def near_keys(data: pd.DataFrame) -> str:
    """How many heads have more added to the score of the nearest keys than to that of the farthest.

    Args:
        data: of one task and one seed of each label; columns label, stack, layer, head, distance and effect.
    """
    found: dict[str, list[bool]] = {}
    for (label, *_), own in grouped(data, ["label", "stack", "layer", "head"]):
        far = own["distance"].abs()
        near, away = (float(own.loc[far == end, "effect"].mean()) for end in (far.min(), far.max()))
        found.setdefault(str(label), []).append(near > away)
    if len(found) <= _NAMED:
        each = [f"{label}: {sum(heads)} of {count(len(heads), 'head')}" for label, heads in found.items()]
        return f"Heads with more added to the nearest keys than to the farthest, {'; '.join(each)}."
    every = [head for heads in found.values() for head in heads]
    heads = f"{count(len(every), 'head')} of {count(len(found), 'encoding')}"
    return f"In {sum(every)} of {heads}, more is added to the nearest keys than to the farthest."


def verdict_counts(data: pd.DataFrame) -> str:
    """How many contrasts have each verdict, and the largest effect that is sure.

    Args:
        data: a row for each contrast; columns label, verdict, effect, low and high.
    """
    counts = data["verdict"].value_counts(sort=False)
    decided = data[data["verdict"].isin(("borne out", "contradicted"))]
    words = enumerate_words([f"{n} {verdict}" for verdict, n in counts.items()])
    text = f"Verdicts of {count(len(data), 'contrast')}: {words}"
    if decided.empty:
        return f"{text}."
    most = max(decided.to_dict("records"), key=lambda row: abs(row["effect"]))
    effect = difference(most["effect"], most["low"], most["high"])
    return f"{text}; the largest decided effect is {effect} ({most['label']})."


def _kept(rows: pd.DataFrame) -> _Kept:
    rows = rows.sort_values("x", kind="stable")
    above = (rows["low"] >= THRESHOLD).to_numpy()
    below = np.flatnonzero((rows["high"] < THRESHOLD).to_numpy())
    first = int(np.cumprod(above).sum())
    names = rows["at"].astype(str).tolist()
    gone = rows["undefined"].tolist() if "undefined" in rows else []
    return _Kept(
        names[first - 1] if first else "",
        names[below[0]] if len(below) else "",
        names[gone.index(True)] if True in gone else "",
        bool(above.all()),
    )


def _lines(lines: Mapping[str, _Kept], level: str, unit: str) -> str:
    """What the lines of one place do; of many, how many."""
    if len(lines) <= _NAMED:
        alike: dict[_Kept, list[str]] = {}
        for label, found in lines.items():
            alike.setdefault(found, []).append(label)
        order = sorted(
            alike.items(), key=lambda item: (not item[0].whole, not item[0].to, bool(item[0].lost))
        )
        return "; ".join(
            f"{enumerate_words(labels)} {found.words(len(labels) == 1, level, unit)}"
            for found, labels in order
        )
    return _counted(lines.values(), level, [label for label, found in lines.items() if found.whole])


def _counted(lines: Iterable[_Kept], level: str, whole: Sequence[str] = ()) -> str:
    every = list(lines)
    lost = sum(bool(found.lost) for found in every)
    undefined = sum(bool(found.undefined) and not found.lost for found in every)
    unsure = sum(not found.whole and not found.lost and not found.undefined for found in every)
    named = f" ({enumerate_words(whole)})" if 0 < len(whole) <= _NAMED else ""
    kept = sum(found.whole for found in every)
    return (
        f"{kept} of {len(every)} lines surely {'keeps' if kept == 1 else 'keep'} {level} at every point"
        f"{named}, {lost} {_is(lost)} surely below it somewhere, "
        + (f"{undefined} {_is(undefined)} undefined somewhere, " if undefined else "")
        + f"and {unsure} {_is(unsure)} neither"
    )


def _is(n: int) -> str:
    return "is" if n == 1 else "are"


def _over_places(found: Mapping[str, Mapping[str, _Kept]], level: str) -> str:
    """What each label does over many places; of many labels, what all lines do."""
    by_label: dict[str, list[_Kept]] = {}
    for lines in found.values():
        for label, each in lines.items():
            by_label.setdefault(label, []).append(each)
    if len(by_label) > _NAMED:
        clauses = _counted((each for own in by_label.values() for each in own), level)
        return f"Over {count(len(found), 'panel')}: {clauses}"
    clauses = "; ".join(
        f"{label} surely keeps {level} at every point on {sum(each.whole for each in own)} of "
        f"{len(own)} and is surely below it somewhere on {sum(bool(each.lost) for each in own)}"
        for label, own in by_label.items()
    )
    return f"Over {count(len(found), 'panel')}: {clauses}"


def _change(rows: pd.DataFrame, unit: str) -> str:
    first, last = rows.iloc[0], rows.iloc[-1]
    places = f"from {first['at']} to {last['at']} {unit}"
    if len(rows) < 2:
        return f"one point, {fraction(first['y'])} at {first['at']} {unit}"
    if last["high"] < first["low"]:
        return f"falls from {fraction(first['y'])} to {fraction(last['y'])} {places}"
    if last["low"] > first["high"]:
        return f"rises from {fraction(first['y'])} to {fraction(last['y'])} {places}"
    return f"no sure change {places}"


def _grouped(words: Mapping[str, Sequence[str]]) -> str:
    """What is said, each with the labels of which it is said."""
    return ", ".join(
        f"{text} with {enumerate_words(labels) if len(labels) <= _NAMED else f'{len(labels)} models'}"
        for text, labels in words.items()
    )


def _runs(steps: Sequence[float]) -> str:
    """How many runs got there, and between which steps."""
    known = [step for step in steps if step == step]
    when = ""
    if known:
        ends = dict.fromkeys((show(int(min(known))), show(int(max(known)))))
        when = f" (at step {' to '.join(ends)})"
    return f"{len(known)} of {count(len(steps), 'run')}{when}"


def _ends(values: pd.Series[float]) -> str:
    known = values[values.notna()]
    return " to ".join(dict.fromkeys((f"{known.min():.3g}", f"{known.max():.3g}")))


def _whose(data: pd.DataFrame) -> str:
    """What the band is of: with one seed, it says nothing about others."""
    if data["seeds"].min() > 1:
        return "by the whole band"
    return f"by the whole band, {'' if data['seeds'].max() == 1 else 'some '}of one seed"


def _at(place: str, unit: str) -> str:
    """A place on the x axis, with its unit in the plural: "1 token", "12–16 tokens"."""
    return f"{place} {unit.removesuffix('s') if place == '1' else unit}"
