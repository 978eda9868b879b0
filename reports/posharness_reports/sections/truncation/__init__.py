"""Truncation: how much of the context a pretrained model makes use of, by the radius that it is shown."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Truncation(ReportSection):
    """Accuracy on hidden tokens with everything beyond a radius hidden as well."""

    name = "truncation"
    summary = "Truncated context"
    order = 52

    def build(self, frames: Frames) -> Section | None:
        """None when no model was read so."""
        from posharness_reports.sections import _readings as readings
        from posharness_reports.sections.truncation.content import SHARE, TRUNCATION, describe
        from posharness_reports.study import study

        ready = study(frames)
        about = (
            "One token of running text is asked, and every token farther from it than a radius is hidden "
            "too; positions stay as they are. The same tokens are asked at each radius. Where accuracy rises "
            f"from the smallest radius to the largest, the one at which {100 * SHARE:.0f} % of the rise is "
            "there is named: beyond it, more context changes little. No model is trained with so many masks, "
            "so that a small radius is harder than a short text would be."
        )
        pieces = {task: describe(ready, task) for task in readings.tasks(ready, TRUNCATION)}
        return readings.joined("Truncated context", about, pieces)
