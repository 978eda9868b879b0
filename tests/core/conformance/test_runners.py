"""Executors, compilers and readings that break their contract in one way fail the check for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from posharness.conformance import check
from posharness.contracts import (
    Answers,
    Cell,
    CellRunner,
    Compiler,
    Executor,
    Frames,
    MaskedModel,
    Observer,
    Reading,
    ReportSection,
)
from posharness.contracts.plugin import Named


class Deaf(Executor):
    """It keeps no time limit, and reports nothing."""

    name = "deaf"

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        for cell in cells:
            if cell.task.params.get("fate") != "sleep":
                run(cell)


class Empty(Compiler):
    """It writes a page without sections, which loads a script from elsewhere."""

    name = "empty"

    def compile(
        self, frames: Frames, sections: Sequence[ReportSection], *, claims: Any = (), title: str, folder: Path
    ) -> Path:
        for name in ("report.html", "report.md", "report.json", "tables/a.csv", "figures/a.png"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f'{title} <script src="https://example.org/a.js">')
        return folder / "report.html"

    def publish(self, report: Path, *, to: Path) -> Path:
        to.mkdir(exist_ok=True)
        with (to / "index.html").open("a") as index:
            index.write("A report to check with")
        return to / "index.html"


class Loose(Reading):
    """It draws from the global generator, and gives a probability for its logarithm."""

    name = "loose"
    objectives = ("luck",)

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        ones = torch.ones(3, dtype=torch.int64)
        right = torch.rand(3) < 2
        return [Answers("luck", 3 * ones, ones, ones, ones, right, torch.rand(3) + 0.1, chance=0.5)]


def failed(plugin: type[Named]) -> dict[str, str]:
    return {finding.check: finding.why for finding in check(plugin) if finding.verdict == "fails"}


@pytest.mark.usefixtures("warm_server")
@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        (Deaf, {"events": "finished 0 times", "time limit": "is unknown: expected timeout"}),
        (
            Empty,
            {
                "words": "lacks 'Plain words'",
                "failing section": "hides",
                "no network": "needs the network",
                "publishes": "twice",
                "refuses": "expected UserError",
            },
        ),
        (Loose, {"ranges": "above 0", "deterministic": "differs", "no global randomness": ""}),
    ],
)
def test_each_fault_is_found(plugin: type[Named], expected: dict[str, str]) -> None:
    found = failed(plugin)
    for name, why in expected.items():
        assert why in found[name]
    assert set(found) - set(expected) <= {"done already"}
