"""What `harness show` prints: the card of a cell as plain values, and any card on the console."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from posharness.cli.output import STYLES, number
from posharness.contracts.columns import PREDICTIONS, qualified
from posharness.registry.parameters import show_value
from posharness.store import Store

__all__ = ["cell", "print_card"]

_LOG_LINES = 20
_READABLE = 110
"""Lines of text that are longer than this are hard to read."""
_LONG = ("doc", "traceback", "log")
"""Texts of several lines, which are printed below the others."""


def cell(store: Store, key: str) -> dict[str, Any]:
    """The card of a cell: its settings, its status and its results."""
    state = store.status(key)
    values: dict[str, Any] = {"kind": "cell", "name": key, "folder": str(store.folder(key))}
    if state is not None:
        values |= {k: v for k, v in state.model_dump().items() if k != "traceback"}
    values["traceback"] = state.traceback if state is not None else ""
    try:
        asked = store.cell(key)
        values["label"] = str(asked)
        values["settings"] = asked.model_dump(mode="json")
    except (OSError, ValueError) as error:
        values["settings"] = {"error": f"cannot be read: {' '.join(str(error).split())}"}
    values["results"] = store.results(key)
    values["accuracy"] = _accuracy(store, key)
    values["environment"] = store.environment(key)
    values["plugins"] = store.plugins(key)
    values["log"] = "\n".join(store.log(key).splitlines()[-_LOG_LINES:])
    return values


def _accuracy(store: Store, key: str) -> dict[str, dict[str, float]]:
    """The shares of predictions, and of whole sequences, that are right, by what was tested."""
    from posharness.store.frames import read_rows

    try:
        rows = read_rows(store, key, PREDICTIONS)
    except (OSError, ValueError):
        return {}  # the status of such a cell says so
    if rows is None:
        return {}
    accuracy: dict[str, dict[str, float]] = {}
    for asked, own in rows.groupby(["objective", "decoding", "condition", "length"], observed=True):
        objective, decoding, condition, length = map(str, asked)
        name = f"{qualified(objective, decoding=decoding, condition=condition)}, length {length}"
        whole = own.groupby("sequence")["correct"].all()
        accuracy[name] = {
            "predictions": round(float(own["correct"].mean()), 4),
            "whole sequences": round(float(whole.mean()), 4),
        }
    return accuracy


def print_card(out: Console, card: dict[str, Any]) -> None:
    """Print a card: its values as a list, then its long texts under a heading each."""
    shown = {n: v for n, v in card.items() if n not in _LONG and v not in ("", None, [], {})}
    margin = max(map(len, shown), default=0) + 2
    for name, value in shown.items():
        style = STYLES.get(value, "") if name == "status" else ""
        # Words are never broken: a path stays one that can be copied.
        lines = [
            line
            for text in _text(name, value).splitlines()
            for line in _fill(text, out.width - margin, indent="  ").splitlines()
        ]
        heading = Text(name.replace("_", " ").ljust(margin), style="dim")
        out.print(heading + Text(f"\n{' ' * margin}".join(lines), style=style), soft_wrap=True)
    for name in _LONG:
        if card.get(name):
            text = card[name].rstrip()
            text = _reflow(text, min(out.width, _READABLE)) if name == "doc" else f"{name}:\n{text}"
            out.print(f"\n{text}", soft_wrap=True)


def _reflow(doc: str, width: int) -> str:
    """A docstring whose paragraphs and lists are filled to a width; what is indented stays as it is."""
    return "\n\n".join(_reflow_paragraph(paragraph, width) for paragraph in doc.split("\n\n"))


def _reflow_paragraph(paragraph: str, width: int) -> str:
    if paragraph.startswith("- "):
        items = re.split(r"\n(?=- )", paragraph)
        return "\n".join(_fill(re.sub(r"\n\s*", " ", item), width, indent="  ") for item in items)
    if re.search("^ ", paragraph, re.MULTILINE):
        return paragraph
    return _fill(paragraph, width)


def _fill(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, max(20, width), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _text(name: str, value: Any) -> str:
    if name == "objectives" and isinstance(value[0], dict):
        return "\n".join(f"{o['name']}: {o['classes']} classes, chance {number(o['chance'])}" for o in value)
    if name == "parameters":
        return "\n".join(f"{p['name']}={show_value(p['default'])}  ({p['type']})" for p in value)
    if isinstance(value, dict):
        return "\n".join(f"{path}: {leaf}" for path, leaf in _leaves(value))
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return "\n".join(_text("", item).replace("\n", ", ") for item in value)
        return ", ".join(map(show_value, value))
    return show_value(value)


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values of a nested object that say something, each under the path of its keys."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _leaves(item, f"{prefix}{key}.")
        elif item not in ("", []):
            yield f"{prefix}{key}", _text("", item)
