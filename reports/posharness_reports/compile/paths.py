"""The `d` attribute of an SVG path: its numbers, its box, and its shortest writing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

__all__ = ["Box", "Path", "box_of", "circle_radius", "number", "parse", "place", "written"]

Point = tuple[float, float]
Path = list[tuple[str, list[Point]]]
"""Commands with absolute points: M and L with one, Q with two, C with three, Z with none."""

Box = tuple[float, float, float, float]
"""The left, top, right and bottom end."""

_POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}
_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_TAIL = re.compile(r"\.\d*$")
_STRAIGHT = {"M", "L", "z"}
_CLOSED: tuple[str, list[Point]] = ("Z", [])
_ROUND = 8
"""The number of curves of which matplotlib draws a circle."""


def parse(text: str) -> Path | None:
    """The commands of a path; None if there are none, or others than those that matplotlib writes."""
    words = text.split()
    if not words:
        return None
    if set(words[::3]) <= _STRAIGHT and len(words) % 3 == (words[-1:] == ["z"]):
        points = zip(map(float, words[1::3]), map(float, words[2::3]), strict=True)
        path = [(command, [point]) for command, point in zip(words[::3], points, strict=False)]
        return [*path, _CLOSED] if len(words) % 3 else path
    path = []
    for command, rest in _COMMAND.findall(text):
        command = "Z" if command == "z" else command
        values = [float(value) for value in rest.split()]
        if len(values) != 2 * _POINTS.get(command, -1):
            return None
        path.append((command, list(zip(values[::2], values[1::2], strict=True))))
    return path


def place(path: Path, x: float, y: float) -> Path:
    """The path moved by (x, y)."""
    return [(command, [(x + px, y + py) for px, py in points]) for command, points in path]


def box_of(path: Path) -> Box:
    """What the points of a path span; its curves stay within it."""
    xs, ys = zip(*(point for _, points in path for point in points), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def circle_radius(path: Path) -> float | None:
    """The radius if the path is a circle around (0, 0) as matplotlib draws one."""
    if [command for command, _ in path] != ["M", *["C"] * _ROUND, "Z"]:
        return None
    ends = [points[-1] for _, points in path if points]
    radius = abs(ends[0][1])
    return radius if all(abs((x * x + y * y) ** 0.5 - radius) < 1e-3 for x, y in ends) else None


def number(value: float, digits: int) -> str:
    """A number without what SVG does not need: zeros at its ends."""
    return _text(round(value * 10**digits), digits)


@cache
def _text(units: int, digits: int) -> str:
    text = f"{units / 10**digits:.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def written(paths: Iterable[Path], digits: int) -> str:
    """The shortest `d` of one or more paths, rounded.

    Each part begins with an absolute M, so that it can be read alone. What follows is relative to points that
    are rounded themselves: errors do not add up.
    """
    return "".join(_relative(path, digits) for path in paths)


def _relative(path: Path, digits: int) -> str:
    """Points are whole numbers of the last digit."""
    scale = 10**digits
    parts: list[str] = []
    begin = here = (0, 0)
    last = ""
    for i, (command, points) in enumerate(path):
        if command == "Z":
            parts.append("z")
            here, last = begin, ""
            continue
        goals = [(round(x * scale), round(y * scale)) for x, y in points]
        if command == "M":
            begin = here = goals[0]
            parts.append("M" + _joined([_text(here[0], digits), _text(here[1], digits)]))
            last = ""
            continue
        if command == "L":
            (goal,) = goals
            if goal == begin and i > 1 and path[i + 1 : i + 2] in ([], [_CLOSED]):
                # The line that closes a part.
                parts.append("z" if i + 1 == len(path) else "")
                continue
            across, down = goal[0] - here[0], goal[1] - here[1]
            if not across and not down and len(path) > 2:
                continue
            letter = "h" if not down else "v" if not across else "l"
            moved = {"h": [across], "v": [down], "l": [across, down]}[letter]
            here = goal
        else:
            moved = []
            for goal in goals:
                moved += [goal[0] - here[0], goal[1] - here[1]]
            here = goals[-1]
            letter = command.lower()
        text = _joined([_text(value, digits) for value in moved])
        repeated = letter == last and parts
        parts.append((_gap(parts[-1], text) if repeated else letter) + text)
        last = letter
    return "".join(parts)


def _joined(numbers: Sequence[str]) -> str:
    text = ""
    for each in numbers:
        text += _gap(text, each) + each
    return text


def _gap(before: str, after: str) -> str:
    """What parts two numbers: nothing where a sign or a second point does."""
    if not before or after[0] == "-":
        return ""
    return "" if after[0] == "." and _TAIL.search(before) else " "
