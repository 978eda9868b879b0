"""Syntactic heads: what a probe finds in frozen states by arc length, beside the untrained encoder's."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class SyntacticHeads(ReportSection):
    """Recall by gold length and precision by predicted length, with the margin over the control."""

    name = "syntactic-heads"
    summary = "Syntactic heads"
    order = 53

    def build(self, frames: Frames) -> Section | None:
        """None when no model was read so."""
        from posharness_reports.sections import _readings as readings
        from posharness_reports.sections.syntactic_heads.content import HEAD, describe
        from posharness_reports.study import study

        ready = study(frames)
        about = (
            "A probe is trained to pick each word's syntactic head from the model's frozen states, and is "
            "tested on other documents of the treebank. *Recall* is by the length of the gold arc, "
            "*precision* by the length of the arc that was picked, both in words. A probe can find heads by "
            "words and positions alone: the same probe on the same encoder before any training shows how "
            "many. What pretraining adds to that is the *margin*: the difference in recall, word by word."
        )
        pieces = {task: describe(ready, task) for task in readings.tasks(ready, HEAD)}
        return readings.joined("Syntactic heads", about, pieces)
