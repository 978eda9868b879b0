"""Nearest copy: hidden tokens by the distance of their nearest visible copy, and what that copy is worth."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class NearestCopy(ReportSection):
    """Accuracy by the distance of the nearest copy, and the fall of log p when that copy is replaced."""

    name = "nearest-copy"
    summary = "Nearest copy"
    order = 51

    def build(self, frames: Frames) -> Section | None:
        """None when no model was read so."""
        from posharness_reports.sections import _readings as readings
        from posharness_reports.sections.nearest_copy.content import COPY, describe
        from posharness_reports.study import study

        ready = study(frames)
        about = (
            "One token of running text is hidden from a pretrained model, which restores it. The distance "
            "is that of the nearest visible copy of the token. Frequent tokens have copies nearby, so "
            "accuracy by distance tells of words as much as of distance. Occlusion compares like with like: "
            "the copy is replaced by a random token and, as a control, another token about as far away is "
            "replaced in its stead. The *net fall* is by how many nats more the log-probability of the "
            "hidden token falls when it is the copy that goes."
        )
        pieces = {task: describe(ready, task) for task in readings.tasks(ready, COPY)}
        return readings.joined("Nearest copy", about, pieces)
