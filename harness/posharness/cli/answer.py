"""The answer of a compiled report in the terminal: verdicts, ranking, and a curve of block characters."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from posharness.cli.output import console

__all__ = ["OpenReport", "open_report", "print_answer"]

OpenReport = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]

_WIDTH, _NAME = 80, 24
_BLOCKS = " ▁▂▃▄▅▆▇█"
_DIGITS = "0123456789"
_TONES = {"✓": "green", "✗": "red"}
_MOST = 8


def print_answer(out: Console, page: Path) -> None:
    """Print what the first screen of a report says, in its order; nothing if its compiler wrote no answer.

    Args:
        page: the path of report.html; the answer is in report.json beside it.
    """
    try:
        about = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if not isinstance(about, dict) or "verdicts" not in about:
        return
    width = min(out.width, _WIDTH)
    out.print(Text(f"\n{about['headline']}", style="bold"), width=width)
    for verdict in about["verdicts"]:
        if verdict["outcome"] == "not measured":
            continue
        sign, tone = verdict["sign"], _TONES.get(verdict["sign"], "dim")
        line = Text.assemble((f"{sign} ", tone), f"{verdict['claim']} ", (verdict["outcome"], "bold"))
        out.print(line, Text(f"  {verdict['detail']}", style="dim"), sep="\n", width=width)
    _print_ranking(out, about["ranking"], width)
    if about["curve"]:
        _print_curve(out, about["curve"], [row["label"] for row in about["ranking"]["rows"]], width)


def open_report(page: Path) -> None:
    """Open the report in the browser of the user; say so on stderr where none can be opened."""
    if not webbrowser.open(page.resolve().as_uri()):
        console(stderr=True).print(
            f"No browser could be opened; open {page.resolve()} yourself.", soft_wrap=True
        )


def _print_ranking(out: Console, ranking: Mapping[str, Any], width: int) -> None:
    if not ranking["rows"]:
        return
    out.print(Text(f"\nRanking {ranking['on']}", style="dim"), width=width)
    for row in ranking["rows"]:
        name = set_cell_size(row["label"], _NAME) if cell_len(row["label"]) < _NAME else row["label"]
        line = Text(f"{row['ranks']:>5}  ") + Text(name, style="bold" if row["best"] else "")
        out.print(line + Text(f"  {row['score']}"), width=width)
    if ranking["left"]:
        out.print(Text(f"       and {ranking['left']} more", style="dim"), width=width)


def _print_curve(out: Console, curve: Mapping[str, Any], order: Sequence[str], width: int) -> None:
    """A row of blocks for each label: a full block is 1, none is 0."""
    lines = curve["lines"]
    labels = sorted(lines, key=lambda label: order.index(label) if label in order else len(order))[:_MOST]
    # Of labels that begin alike, cut ones would be the same.
    names = {label: curve.get("names", {}).get(label, label) for label in labels}
    name = min(max(map(cell_len, names.values())), _NAME)
    ticks = curve["ticks"]
    across = max(1, min(max(map(len, ticks)) + 1, (width - name - 1) // len(ticks)))
    utf8 = "utf" in (out.encoding or "").lower()
    out.print(Text(f"\n{curve['axis'][1]} by {curve['axis'][0]}: {curve['title']}", style="dim"), width=width)
    for label in labels:
        text = set_cell_size(names[label], name) + " "
        for value in lines[label]:
            text += _block(value, utf8=utf8) * (across - 1 or 1) + " " * (across > 1)
        out.print(Text(text.rstrip()), width=width)
    written = [tick[: across - 1] if across > 1 else "" for tick in ticks]
    out.print(Text(" " * (name + 1) + "".join(tick.ljust(across) for tick in written).rstrip(), style="dim"))


def _block(value: float | None, *, utf8: bool) -> str:
    signs = _BLOCKS if utf8 else _DIGITS
    if value is None:
        return "·" if utf8 else "."
    return signs[round(min(max(value, 0.0), 1.0) * (len(signs) - 1))]
