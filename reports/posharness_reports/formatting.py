"""How numbers, names and counts are written in HTML, Markdown and figures."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count as count_from
from typing import Any

__all__ = [
    "NOT_KNOWN",
    "UNDEFINED",
    "Format",
    "at_least",
    "below",
    "count",
    "difference",
    "distance",
    "enumerate_words",
    "escape_markdown",
    "fraction",
    "interval",
    "moment",
    "nats",
    "percent",
    "rank_range",
    "reach",
    "short_names",
    "shorten",
    "show",
    "slug",
    "span",
    "with_interval",
]

Format = Callable[[float, float, float], str]
"""Writes a mean with the lower and the upper end of its interval."""

NOT_KNOWN, UNDEFINED = "not known", "undefined"
"""What stands in place of a number that cannot be known, or that an encoding does not have."""


def show(value: Any) -> str:
    """A value of a table: three decimals for a float, thin spaces in a long integer, "–" if missing."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return "–"
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if float(value).is_integer() and not isinstance(value, float):
        return f"{int(value):,}".replace(",", "\u202f")
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.3f}"
    return (f"{value:.1e}" if 0 < size < 0.0005 else text).replace(",", "\u202f").replace("-", "−")


def fraction(value: float) -> str:
    """An accuracy with two decimals; a few hundred sequences do not give more precision."""
    return "–" if math.isnan(value) else f"{value:z.2f}".replace("-", "−")


def below(value: float, limit: float) -> str:
    """An accuracy that is below a limit, and is not rounded up to it."""
    return fraction(value if round(value, 2) < limit else math.floor(100 * value) / 100)


def at_least(value: float) -> str:
    """An accuracy that others reach or exceed, and that is not rounded up."""
    return fraction(value if round(value, 2) <= value else math.floor(100 * value) / 100)


def percent(share: float) -> str:
    """A share in whole percent: "90 %"."""
    return f"{100 * share:.0f} %"


def with_interval(value: float, low: float, high: float) -> str:
    """An accuracy with its interval, if it has one; its numbers have the sign of what they round."""
    if math.isnan(value):
        return "–"
    if math.isnan(low):
        return fraction(value)
    digits = _decimals(value, low, high)
    return f"{_rounded(value, digits)} [{_rounded(low, digits)}, {_rounded(high, digits)}]"


def interval(low: float, high: float) -> str:
    """The ends of an interval; its numbers have the sign of what they round."""
    digits = _decimals(low, high)
    return f"[{_rounded(low, digits)}, {_rounded(high, digits)}]"


def difference(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A signed difference with its interval, if it has one; its numbers have the sign of what they round."""
    if math.isnan(value):
        return "–"
    known = [each for each in (value, low, high) if not math.isnan(each)]
    digits = _decimals(*known)
    text = _rounded(value, digits, "+")
    return (
        text if math.isnan(low) else f"{text} [{_rounded(low, digits, '+')}, {_rounded(high, digits, '+')}]"
    )


def _decimals(*values: float) -> int:
    """Two, or three where a value would be 0 with two and is not: all of an interval have as many."""
    return 3 if any(abs(value) > _NOTHING and not round(value, 2) for value in values) else 2


def _rounded(value: float, digits: int, sign: str = "") -> str:
    """A number with so many decimals, or with its first digit where these are 0 and it is not: "0.0003"."""
    exact = 0.0 if abs(value) < _NOTHING else value
    text = f"{exact:{sign}z.{digits}f}"
    return (f"{exact:{sign}.1g}" if exact and not float(text) else text).replace("-", "−")


_NOTHING = 1e-9
"""A smaller number is a rounding error, and shown as 0."""


def nats(value: float, low: float, high: float) -> str:
    """A difference of log-probabilities with its interval, with three significant digits each."""
    if math.isnan(value):
        return "–"
    texts = [
        "–" if math.isnan(v) else f"{0.0 if abs(v) < _NOTHING else v:z#.3g}".rstrip(".")
        for v in (value, low, high)
    ]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]".replace("-", "−")


def distance(value: float) -> str:
    """A distance in tokens."""
    return f"{value:.0f}" if value >= 10 or float(value).is_integer() else f"{value:.1f}"


def reach(length: float, low: float, high: float, shortest: float, longest: float) -> str:
    """A reach in tokens with its interval: "12 [9, ≥ 16]".

    "≥" means at least the longest distance tested, and "<" below the shortest. A reach that can be anywhere
    among the tested distances is not known.
    """

    def one(value: float) -> str:
        if value < shortest:
            return f"< {distance(shortest)}"
        return f"≥ {distance(longest)}" if value >= longest else distance(value)

    if math.isnan(length):
        return "–"
    if math.isnan(low) or one(low) == one(length) == one(high):
        return one(length)
    if low <= shortest and high >= longest:
        return NOT_KNOWN
    return f"{one(length)} [{one(low)}, {one(high)}]"


def rank_range(best: int, worst: int) -> str:
    """The ranks that tests leave to something: "1", "1–3"."""
    return str(best) if best == worst else f"{best}–{worst}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number of things: "1 seed", "2 seeds"."""
    return f"{show(int(n))} {noun if n == 1 else plural or noun + 's'}"


def span(values: Iterable[int], noun: str) -> str:
    """A number of things, or the range of several numbers: "2 seeds", "1–3 seeds"."""
    numbers = sorted(set(values)) or [0]
    return count(numbers[0], noun) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]} {noun}s"


def enumerate_words(words: Sequence[str]) -> str:
    """Words as a clause: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def shorten(text: str, width: int) -> str:
    """The text, cut with an ellipsis when it is longer than `width`."""
    return text if len(text) <= width else text[: width - 1] + "…"


def short_names(labels: Iterable[str], width: int, longest: int = 0) -> dict[str, str]:
    """A name for each label, all different: those longer than `width` lose letters in their middle.

    Where two would then be alike, another part is lost, or the names are longer. If neither helps, names that
    are alike are numbered in the order of their labels.

    Args:
        longest: how long names may be where those of `width` are alike; by default, no longer.
    """
    distinct, width = list(dict.fromkeys(labels)), max(width, 1)
    for most in range(width, max(width, longest) + 1):
        # The first is in the middle, and the ends of labels, with their settings, are kept before the starts.
        for end in (*range(most // 2, most), *range(most // 2)):
            names = [_without_middle(label, most, end) for label in distinct]
            if len(set(names)) == len(names):
                return dict(zip(distinct, names, strict=True))
    return _numbered(distinct, width)


def _numbered(labels: Sequence[str], width: int) -> dict[str, str]:
    """Names without the middle of the labels, and with a number where they would be alike."""
    names = {label: _without_middle(label, width, width // 2) for label in labels}
    shared, taken = Counter(names.values()), set(names.values())
    for label in sorted(labels):
        if len(label) <= width or shared[names[label]] == 1:
            continue
        for suffix in (f" {number}" for number in count_from(1)):
            room = max(width - len(suffix), 1)
            name = _without_middle(label, room, room // 2) + suffix
            if name not in taken:
                break
        names[label] = name
        taken.add(name)
    return names


def _without_middle(text: str, width: int, end: int) -> str:
    """The text in so many characters, of which `end` are its last."""
    return text if len(text) <= width else f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def slug(text: str) -> str:
    """A file name for a heading: lower-case ASCII words joined by hyphens.

    A long one loses words in its middle: headings that begin alike are told apart by their ends.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = [word[:_LONGEST_NAME] for word in re.findall(r"[a-z0-9]+", plain)]
    while len("-".join(words)) > _LONGEST_NAME:
        del words[len(words) // 2]
    return "-".join(words) or "untitled"


_LONGEST_NAME = 100


def escape_markdown(text: str) -> str:
    """Escape text, e.g. the label of a plugin, so that Markdown shows it unchanged."""
    entities = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#!|])", r"\\\1", entities).replace("\\|", "|")


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC, for readers: "2026-01-05 10:00 UTC"."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else "not started"
