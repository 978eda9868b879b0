"""The checks of compilers: a whole report of any store, the same each time, that can be published."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from posharness.conformance.finding import Check
from posharness.conformance.sample_frames import changed, empty_frames, sample_frames, unfinished_frames
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Chart, Compiler, Frames, ReportSection, Section, UserError
from posharness.registry.parameters import build

__all__ = ["COMPILER_CHECKS", "TriedCompiler"]

_TITLE = "A report to check with"
_LOADED = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*(?:src|href)\s*=\s*["']?https?:""", re.IGNORECASE)


class _Plain(ReportSection):
    """A section with words, a table and a figure."""

    name = "conformance-plain"
    order = 10

    def build(self, frames: Frames) -> Section:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(2, 1))
        figure.add_subplot().plot([0, 1], [1, 0])
        return Section(
            "Plain words",
            f"There are {len(frames.cells)} cells of **seventeen** kinds.",
            tables={"Numbers of the cells": pd.DataFrame({"cells": [len(frames.cells)]})},
            figures={"A falling line": Chart("line", figure, pd.DataFrame({"y": [1, 0]}), _falls)},
        )


def _falls(data: pd.DataFrame) -> str:
    return f"The line falls from {data['y'].iloc[0]} to {data['y'].iloc[-1]}."


class _Silent(ReportSection):
    """A section with nothing to say."""

    name = "conformance-silent"
    order = 20

    def build(self, frames: Frames) -> None:
        return None


class _Failing(ReportSection):
    """A section that raises."""

    name = "conformance-failing"
    order = 30

    def build(self, frames: Frames) -> Section:
        raise ValueError("no luck today")


@dataclass(frozen=True)
class TriedCompiler:
    """A compiler, and a folder for its reports."""

    cls: type[Compiler]
    params: Mapping[str, Any]

    def build(self) -> Compiler:
        """The compiler."""
        return self.cls(**build(self.cls, self.params))

    def compile(self, frames: Frames, folder: str) -> Path:
        """A report of three sections: a plain one, a silent one and one that raises."""
        sections = (_Plain(), _Silent(), _Failing())
        return self.build().compile(frames, sections, title=_TITLE, folder=self.place / folder)

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="posharness-check-")

    @property
    def place(self) -> Path:
        """A folder that goes when the checks have ended."""
        return Path(self._temporary.name)

    @cached_property
    def report(self) -> Path:
        """The path of the report that most checks share."""
        return self.compile(sample_frames(), "report")


def builds(tried: TriedCompiler) -> str:
    """It is built, under a name."""
    return well_named(tried.build().name)


def files(tried: TriedCompiler) -> str:
    """It writes report.html, report.md and report.json, and each table and figure to a file."""
    folder = tried.place / "report"
    if tried.report != folder / "report.html":
        return f"compile returns {tried.report}: expected report.html in the folder that it was given"
    for name in ("report.html", "report.md", "report.json"):
        if not (folder / name).is_file():
            return f"it writes no {name}"
    for name in ("tables", "figures"):
        if not any((folder / name).glob("*")):
            return f"it writes no file into {name}/"
    return ""


def words(tried: TriedCompiler) -> str:
    """The page has the title, and the titles, words and captions of the sections."""
    page = tried.report.read_text("utf-8")
    for text in (_TITLE, "Plain words", "seventeen", "Numbers of the cells", "A falling line"):
        if text not in page:
            return f"report.html lacks {text!r}"
    return ""


def failing(tried: TriedCompiler) -> str:
    """A section that raises is shown with its reason."""
    return "" if "no luck today" in tried.report.read_text("utf-8") else "it hides why a section failed"


def network(tried: TriedCompiler) -> str:
    """The page loads nothing from elsewhere."""
    found = _LOADED.search(tried.report.read_text("utf-8"))
    return f"report.html needs the network: {found[0][:80]}" if found else ""


def deterministic(tried: TriedCompiler) -> str:
    """The same frames give the same files."""
    folder = tried.place / "report"
    _ = tried.report
    before = _contents(folder)
    # In a folder of the same name, which may be part of the report.
    tried.compile(sample_frames(), "again/report")
    after = _contents(tried.place / "again" / "report")
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            return f"the same frames give another {name}"
    return ""


def of(make: Callable[[], Frames], folder: str) -> Callable[[TriedCompiler], str]:
    """The check that these frames give a report too."""

    def check(tried: TriedCompiler) -> str:
        return "" if tried.compile(make(), folder).is_file() else "it writes no report.html"

    return check


def unchanged(tried: TriedCompiler) -> str:
    """The frames are as they were."""
    frames = sample_frames()
    before = deepcopy(frames)
    tried.compile(frames, "unchanged")
    name = changed(frames, before)
    return name and f"it changes frames.{name}"


def publishes(tried: TriedCompiler) -> str:
    """A report is published and listed, and publishing it again changes nothing."""
    site = tried.place / "site"
    index = tried.build().publish(tried.report, to=site)
    if not index.is_file() or site not in index.parents:
        return f"publish returns {index}: expected an index page in the folder that it was given"
    if _TITLE not in index.read_text("utf-8"):
        return "the index page does not list the title of the report"
    before = _contents(site)
    tried.build().publish(tried.report, to=site)
    return "" if _contents(site) == before else "publishing a report twice changes the folder"


def refuses(tried: TriedCompiler) -> str:
    """What is no report is a mistake of the user's."""
    try:
        tried.build().publish(tried.place / "absent" / "report.html", to=tried.place / "other")
    except UserError:
        return ""
    return "it publishes a report that is not there: expected UserError"


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMPILER_CHECKS: tuple[Check[TriedCompiler], ...] = (
    Check("builds", builds, gate=True),
    Check("files", files, gate=True),
    Check("words", words),
    Check("failing section", failing),
    Check("no network", network),
    Check("deterministic", deterministic),
    Check("nothing done", of(unfinished_frames, "unfinished")),
    Check("empty store", of(empty_frames, "empty")),
    Check("frames unchanged", unchanged),
    Check("publishes", publishes),
    Check("refuses", refuses),
)
