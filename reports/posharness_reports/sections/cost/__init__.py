"""Cost: what a training step of each encoding and attention takes, by length."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Cost(ReportSection):
    """Time and memory of a step, as `harness cost --store` measured them."""

    name = "cost"
    summary = "What a training step costs"
    place = "cost"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when nothing was measured for the store."""
        from posharness_reports.sections.cost.content import describe

        return describe(frames.costs)
