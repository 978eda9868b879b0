"""Tables as LaTeX for papers, with booktabs rules and numbers aligned to the right."""

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
    "−": "$-$",
    "–": "--",
    "·": r"$\cdot$",
    "\u202f": r"\,",
    "\n": " ",
}


def latex_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """A `tabular` that needs the package booktabs; special characters are escaped."""
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in numeric)}}}",
        r"\toprule",
        _row(columns),
        r"\midrule",
        *map(_row, rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(values: Sequence[str]) -> str:
    escaped = ("".join(_SPECIAL.get(character, character) for character in value) for value in values)
    # LaTeX would read a bracket after the end of a row as the argument of that end.
    return " & ".join("{[}" + value[1:] if value.startswith("[") else value for value in escaped) + r" \\"
