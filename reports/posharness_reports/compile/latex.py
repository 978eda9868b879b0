"""Tables as LaTeX for papers: with caption and label, booktabs rules, and type of 7 points or more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posharness_reports.compile.type_widths import text_width

__all__ = ["SMALLEST_TYPE", "latex_table"]

SMALLEST_TYPE = 7.0
"""The smallest type of a table, in TeX points, in a paper of 10 points."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "−": "$-$",
    "–": "--",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\u202f": r"\,",
    "\n": " ",
}

_COLUMN, _PAGE = 3.25 * 72.27, 6.75 * 72.27
"""The widths of a column and of a page with two of them, in TeX points."""

_SIZES = {"footnotesize": (8.0, 9.5), "scriptsize": (7.0, 8.0)}
"""Names of sizes: type and distance of lines in a paper of 10 points, the larger first."""

_GAP = 6.0
"""Between two columns of a table."""

_SPARE = 1.02
"""Room for what is not known of the widths: a font that is not Computer Modern, and rounding."""

_HEIGHT = 560.0
"""Of the body of a table on a page, without its caption and headings."""

_ROWS = int(_HEIGHT / _SIZES["scriptsize"][1])
"""More rows than a page holds."""

_KEYS = 3
"""The most columns at the left that are repeated in each part of a table that is split."""

_BREAKS = "_=,/·.:+"
"""A long word may be broken after these signs."""

_LONG_WORD = 14
"""From how many characters on."""

_INTERVAL = re.compile(r"\[[^][]*\]$")
_NUMBER = re.compile(r"[-+−]?[\d.\u202f]+(e[-−]?\d+)?$")


_Texts = Sequence[Sequence[str]]
"""The texts of a row, each as the parts between which a line may be broken."""


@dataclass(frozen=True)
class _Fit:
    """The columns of a table (or of a part), and the width of each that is to be broken into lines."""

    columns: list[int]
    broken: dict[int, float]


def latex_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    *,
    caption: str,
    label: str,
) -> str:
    """A `table`, or `table*` over both columns, that needs the packages array and booktabs.

    It fits a column of 3.25 inches or a page of 6.75 inches. Where it is too wide, headings, texts and
    intervals go on second lines; then it is set smaller, down to `SMALLEST_TYPE`; then its columns are split
    into several tables. Special characters are escaped. Of a long table the first rows are kept, which the
    caption says.

    Args:
        label: what `\\ref{tab:…}` refers to; of the parts of a split table the first one.
    """
    cells = [[_words(text) for text in row] for row in rows[:_ROWS]]
    headings = [_words(heading) for heading in columns]
    environment, size, parts = _layout(headings, cells, numeric)
    caption = caption.rstrip(".")
    kept = min(_rows_of_a_page(cells, fit, size) for fit in parts)
    if len(rows) > kept:
        caption = f"{caption}. The first {kept} of {len(rows)} rows"
    lines: list[str] = []
    for number, fit in enumerate(parts, 1):
        part = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        name = label if number == 1 else f"{label}-{number}"
        kinds = "".join(_kind(numeric[i], fit.broken.get(i)) for i in fit.columns)
        lines += [
            rf"\begin{{{environment}}}[t]",
            rf"\centering\{size}\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}",
            rf"\caption{{{_escaped(caption)}{part}.}}\label{{tab:{name}}}",
            rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
            r"\toprule",
            _row([_field(headings[i]) for i in fit.columns]),
            r"\midrule",
            *(_row([_field(row[i]) for i in fit.columns]) for row in cells[:kept]),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\end{{{environment}}}",
        ]
    return "\n".join(lines) + "\n"


# --- the layout


def _layout(
    headings: _Texts, cells: Sequence[_Texts], numeric: Sequence[bool]
) -> tuple[str, str, list[_Fit]]:
    """The environment, the size of the type, and the parts of the table."""
    everything = list(range(len(headings)))
    for environment, room in (("table", _COLUMN), ("table*", _PAGE)):
        for size, (point, _) in _SIZES.items():
            fit = _fitted(everything, headings, cells, point, room)
            tall = environment == "table" and any(
                fit is not None and _lines(row, fit, point) > _MOST_LINES for row in (headings, *cells)
            )
            if fit is not None and not tall:
                return environment, size, [fit]
    return "table*", "scriptsize", _split(headings, cells, numeric)


def _fitted(
    columns: list[int], headings: _Texts, cells: Sequence[_Texts], point: float, room: float
) -> _Fit | None:
    """How these columns fit into a width; None if they do not."""
    room = room / _SPARE - _GAP * (len(columns) - 1)
    body = {i: max((_width(row[i], point) for row in cells), default=0.0) for i in columns}
    least = {
        i: max(_width([word], point) for row in (headings, *cells) for word in row[i] or [""])
        for i in columns
    }
    # Headings are broken into lines wherever they are wider than what is below them.
    wanted = {i: max(body[i], least[i]) for i in columns}
    if sum(least.values()) > room:
        return None
    widths = _shared_out(least, wanted, room)
    whole = {i: max(body[i], _width(headings[i], point)) for i in columns}
    return _Fit(columns, {i: widths[i] for i in columns if widths[i] < whole[i] - 0.01})


def _shared_out(least: Mapping[int, float], wanted: Mapping[int, float], room: float) -> dict[int, float]:
    """Widths between the least and the wanted ones: what is left is shared by those that want more."""
    widths, left = dict(least), room - sum(least.values())
    while (open_ := [i for i in widths if wanted[i] - widths[i] > 0.01]) and left > 0.01:
        share = left / len(open_)
        for i in open_:
            more = min(share, wanted[i] - widths[i])
            widths[i] += more
            left -= more
    return widths


_MOST_LINES = 4
"""Of a row in a table that could also go over both columns."""


def _split(headings: _Texts, cells: Sequence[_Texts], numeric: Sequence[bool]) -> list[_Fit]:
    """The columns in parts, each with the columns at the left that say what a row is about."""

    def fitted(columns: list[int]) -> _Fit | None:
        return _fitted(columns, headings, cells, SMALLEST_TYPE, _PAGE)

    first = next((i for i, number in enumerate(numeric) if number), _KEYS)
    keys = list(range(max(min(first, _KEYS, len(headings) - 1), 1)))
    while len(keys) > 1 and any(fitted([*keys, i]) is None for i in range(len(keys), len(headings))):
        keys.pop()
    parts: list[list[int]] = []
    for i in range(len(keys), len(headings)):
        if parts and fitted([*parts[-1], i]) is not None:
            parts[-1].append(i)
        else:
            parts.append([*keys, i])
    # Words are broken into parts so short that two columns always fit.
    return [fit for columns in parts if (fit := fitted(columns)) is not None]


def _rows_of_a_page(cells: Sequence[_Texts], fit: _Fit, size: str) -> int:
    point, line = _SIZES[size]
    height, kept = 0.0, 0
    for row in cells:
        height += _lines(row, fit, point) * line
        if kept and height > _HEIGHT:
            break
        kept += 1
    return kept


def _lines(row: _Texts, fit: _Fit, point: float) -> int:
    """The number of lines of a row."""
    most = 1
    for i, room in fit.broken.items():
        count, used = 1, 0.0
        for word in row[i]:
            if used and used + _width([word], point) > room:
                count, used = count + 1, 0.0
            used += text_width(word, point)
        most = max(most, count)
    return most


def _width(words: Sequence[str], point: float) -> float:
    return text_width("".join(words).rstrip(), point)


# --- texts


def _words(text: str) -> list[str]:
    """The parts of a text between which a line may be broken; a space belongs to the part before it."""
    text = text.replace("\n", " ")
    found = _INTERVAL.search(text)
    rest, interval = (text[: found.start()], [found.group()]) if found else (text, [])
    return [part for word in re.findall(r"\S+\s*|\s+", rest) for part in _parts(word)] + interval


def _parts(word: str) -> list[str]:
    if len(word) <= _LONG_WORD or _NUMBER.match(word.strip()):
        return [word]
    pieces = re.findall(rf"[^{re.escape(_BREAKS)}]+[{re.escape(_BREAKS)}]*|[{re.escape(_BREAKS)}]+", word)
    return [
        piece[start : start + _LONG_WORD] for piece in pieces for start in range(0, len(piece), _LONG_WORD)
    ]


def _kind(number: bool, width: float | None) -> str:
    if width is None:
        return "r" if number else "l"
    side = "left" if number else "right"
    return rf">{{\ragged{side}\arraybackslash}}p{{{width * _SPARE:.1f}pt}}"


def _field(words: Sequence[str]) -> str:
    # A line may be broken after a part of a word too; an interval is kept together.
    texts = []
    for part, following in zip(words, [*words[1:], ""][: len(words)], strict=True):
        text = _escaped(part).replace(" ", "~") if part.startswith("[") else _escaped(part)
        texts.append(text + (r"\hspace{0pt}" if following and not part.endswith(" ") else ""))
    return "".join(texts)


def _row(fields: Sequence[str]) -> str:
    # LaTeX would read a bracket after the end of a row as the argument of that end.
    return " & ".join("{[}" + field[1:] if field.startswith("[") else field for field in fields) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)
