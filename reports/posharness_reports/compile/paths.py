"""The `d` attribute of an SVG path: its numbers, its box, and its shortest writing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Box", "Path", "box_of", "circle_radius", "number", "parse", "place", "written"]

Point = tuple[float, float]
Path = list[tuple[str, list[Point]]]
"""Commands with absolute points: M and L with one, Q with two, C with three, Z with none."""

Box = tuple[float, float, float, float]
"""The left, top, right and bottom end."""

_POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}
_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_ROUND = 8
"""The number of curves of which matplotlib draws a circle."""


def parse(text: str) -> Path | None:
    """The commands of a path; None if it has others than those that matplotlib writes."""
    path: Path = []
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
    text = f"{value:.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    if text in ("-0", "0", ""):
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def written(paths: Iterable[Path], digits: int) -> str:
    """The shortest `d` of one or more paths, rounded.

    Each part begins with an absolute M, so that it can be read alone. What follows is relative to points that
    are rounded themselves: errors do not add up.
    """
    return "".join(_relative(path, digits) for path in paths)


def _relative(path: Path, digits: int) -> str:
    parts: list[str] = []
    begin = here = (0.0, 0.0)
    last = ""
    for i, (command, points) in enumerate(path):
        goals = [(round(x, digits), round(y, digits)) for x, y in points]
        if command == "Z":
            parts.append("z")
            here, last = begin, ""
            continue
        if command == "M":
            begin = here = goals[0]
            parts.append("M" + _joined([number(here[0], digits), number(here[1], digits)]))
            last = ""
            continue
        if command == "L" and i > 1 and goals[0] == begin and path[i + 1 : i + 2] in ([], [("Z", [])]):
            # The line that closes a part.
            parts.append("z" if i + 1 == len(path) else "")
            continue
        moved = [number(goal[axis] - here[axis], digits) for goal in goals for axis in (0, 1)]
        here = goals[-1]
        if command == "L":
            letter, moved = _straight(moved)
            if moved == ["0"] and len(path) > 2:
                continue
        else:
            letter = command.lower()
        text = _joined(moved)
        repeated = letter == last and parts
        parts.append((_gap(parts[-1], text) if repeated else letter) + text)
        last = letter
    return "".join(parts)


def _straight(moved: list[str]) -> tuple[str, list[str]]:
    """The letter and the numbers of a line: one number if it is level or upright."""
    across, down = moved
    if down == "0":
        return "h", [across]
    return ("v", [down]) if across == "0" else ("l", moved)


def _joined(numbers: Sequence[str]) -> str:
    text = ""
    for each in numbers:
        text += _gap(text, each) + each
    return text


def _gap(before: str, after: str) -> str:
    """What parts two numbers: nothing where a sign or a second point does."""
    if not before or after.startswith("-"):
        return ""
    tail = re.split(r"[ \-a-zA-Z]", before)[-1]
    return "" if after.startswith(".") and "." in tail else " "
