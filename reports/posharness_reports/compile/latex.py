"""Tables as LaTeX for papers: with caption and label, booktabs rules, and no wider than a column or page."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["latex_table"]

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

_COLUMN = 46
"""The characters that fit in a column of 3.25 inches in footnote size; wider tables go over both columns."""

_LONG = 40
"""The number of characters from which the texts of a column are broken into lines."""

_ROWS = 40
"""The number of rows that fit on a page."""


def latex_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    *,
    caption: str,
    label: str,
) -> str:
    """A `table`, or `table*` over both columns, that needs the packages array, booktabs and graphicx.

    Special characters are escaped. A table that is still too wide is scaled down to fit, and of a long one
    the first rows are kept, which the caption says.

    Args:
        label: what `\\ref{tab:…}` refers to.
    """
    widths = [max(map(len, (heading, *texts))) for heading, *texts in zip(columns, *rows, strict=True)]
    broken = [width > _LONG and not number for width, number in zip(widths, numeric, strict=True)]
    wide = sum(min(width, _LONG) + 2 for width in widths) > _COLUMN
    kinds = [
        r">{\raggedright\arraybackslash}p{6cm}" if long else "r" if number else "l"
        for long, number in zip(broken, numeric, strict=True)
    ]
    environment = "table*" if wide else "table"
    if len(rows) > _ROWS:
        caption = f"{caption}. The first {_ROWS} of {len(rows)} rows"
    lines = [
        rf"\begin{{{environment}}}[t]",
        r"\centering\footnotesize",
        rf"\caption{{{_escaped(caption)}.}}\label{{tab:{label}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{''.join(kinds)}}}",
        r"\toprule",
        _row(columns, [False] * len(columns)),
        r"\midrule",
        *(_row(row, broken) for row in rows[:_ROWS]),
        r"\bottomrule",
        r"\end{tabular}}",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _row(values: Sequence[str], broken: Sequence[bool]) -> str:
    escaped = [
        # Long words, such as settings, may be broken after these signs.
        "".join(f"{_escaped(c)}\\hspace{{0pt}}" if c in "_=,/·." else _escaped(c) for c in value) if long
        else _escaped(value)
        for value, long in zip(values, broken, strict=True)
    ]  # fmt: skip
    # LaTeX would read a bracket after the end of a row as the argument of that end.
    return " & ".join("{[}" + value[1:] if value.startswith("[") else value for value in escaped) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)
