"""Mechanism: what each trained encoding makes of distance, and how far each head looks."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section

_BY_LAYER = "Mean attended distance by layer. In tokens: the mean over heads, and (the nearest–the farthest)"


class Mechanism(ReportSection):
    """What positions add to scores by distance, and the distances that heads attend over."""

    name = "mechanism"
    summary = "What positions do to attention"
    order = 60

    def build(self, frames: Frames) -> Section | None:
        """None when no finished cell has been read off."""
        from posharness_reports.sections.mechanism import attended_distance as heads
        from posharness_reports.sections.mechanism.content import acting, of_one_seed, prose
        from posharness_reports.sections.mechanism.figures import attended_figures, effect_figures
        from posharness_reports.study import study

        ready = study(frames).trained
        effects = of_one_seed(acting(ready.mechanism))
        ranked = heads.across_seeds(heads.attended(ready.mechanism))
        if effects.empty and ranked.empty:
            return None
        tables = {}
        if not ranked.empty:
            tables = {
                _BY_LAYER: heads.attended_table(ranked),
                "Mean attended distance, every head": heads.every_head(ranked),
            }
        return Section(
            "What positions do to attention",
            prose(ready, effects, ranked),
            tables,
            effect_figures(effects) | attended_figures(ranked, ready.cells),
        )
