"""Both directions: what the right context adds, from one task posed to an encoder and to a decoder."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class BothDirections(ReportSection):
    """The gain of an encoder over a decoder on the same tokens of the same text, by distance."""

    name = "both-directions"
    summary = "Both directions and one"
    order = 55

    def build(self, frames: Frames) -> Section | None:
        """None when no task was posed to both bodies under the same settings."""
        from posharness_reports.sections._readings import joined
        from posharness_reports.sections.both_directions.content import describe, pairs_of_cells
        from posharness_reports.study import study

        ready = study(frames).trained
        about = (
            "The same text, size and encoding as an encoder that fills masks and as a decoder that predicts "
            "the next token, scored on the same tokens: the encoder sees what stands on both sides, the "
            "decoder what stands before. The *gain* is the encoder's result minus the decoder's, token by "
            "token; tokens that the encoder was shown unhidden are left out. Distances are the encoder's, to "
            "the nearest copy on either side. More differs than the right context: a decoder learns from "
            "every token of a sequence, an encoder from the chosen ones, and the encoder's context has "
            "hidden and random tokens in it, the decoder's none."
        )
        pieces = {task: describe(ready, task, cells) for task, cells in pairs_of_cells(ready)}
        return joined("Both directions and one", about, {t: piece for t, piece in pieces.items() if piece})
