"""Both directions: what the right context adds, from one task run with an encoder and with a decoder."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class BothDirections(ReportSection):
    """The gain of an encoder over a decoder on the same tokens of the same text, by distance."""

    name = "both-directions"
    summary = "Both directions and one"
    place = "pretraining"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when no task was run with both bodies under the same settings."""
        from posharness_reports.sections.both_directions.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
