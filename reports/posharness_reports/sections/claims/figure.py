"""The figure of the verdicts: the effect of each contrast with its interval, and a dot per task."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posharness.contracts.columns import DECODINGS
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.theme import ACCENT, GHOST, GRID, INK, MUTED
from posharness_reports.formatting import shorten
from posharness_reports.sections.claims.verdicts import ClaimContrast

__all__ = ["claim_figure"]

_WIDTH, _ROW, _TITLE, _BOTTOM = 9.6, 0.32, 0.6, 0.5
_LONGEST = 44


def claim_figure(judged: Sequence[ClaimContrast]) -> dict[str, Figure]:
    """Caption to figure: one set of axes per claim, with a row per contrast."""
    measured = [contrast for contrast in judged if contrast.evidence]
    claims = list(dict.fromkeys(contrast.claim for contrast in measured))
    names = {contrast: shorten(_name(contrast), _LONGEST) for contrast in measured}
    left = text_width(max(names.values(), key=len)) + 0.3
    verdicts = text_width(max((contrast.outcome for contrast in measured), key=len)) + 0.3
    by_claim = {claim: [contrast for contrast in measured if contrast.claim is claim] for claim in claims}
    height = sum(_TITLE + _ROW * len(contrasts) for contrasts in by_claim.values()) + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height))
    top = height
    for claim, contrasts in by_claim.items():
        top -= _TITLE + _ROW * len(contrasts)
        place = (
            left / _WIDTH,
            top / height,
            (_WIDTH - left - verdicts) / _WIDTH,
            _ROW * len(contrasts) / height,
        )
        axes = figure.add_axes(place)
        widest = max(abs(effect) for each in contrasts for effect in [*each.by_task, each.overall.mean])
        limit = 1.1 * max(widest, 2 * claim.smallest_effect)
        axes.set_title(claim.statement, loc="left", x=-left / (_WIDTH - left - verdicts), size=9)
        axes.axvspan(-claim.smallest_effect, claim.smallest_effect, color=GRID, linewidth=0)
        axes.axvline(0, color=GHOST, linewidth=1)
        axes.set(xlim=(-limit, limit), ylim=(len(contrasts) - 0.5, -0.5), yticks=range(len(contrasts)))
        axes.set_yticklabels([names[contrast] for contrast in contrasts], color=INK)
        axes.grid(visible=False)
        for row, contrast in enumerate(contrasts):
            _draw(axes, contrast, row)
            axes.annotate(
                contrast.outcome, (1.02, row), xycoords=("axes fraction", "data"), color=MUTED, va="center"
            )
        if claim is claims[-1]:
            axes.set_xlabel("effect: difference of the claim's metric")
    caption = (
        "Effects behind the verdicts. One dot per task. Diamond and line: the mean over tasks with its 95 % "
    )
    return {caption + "interval. Shaded: effects too small to matter.": figure}


def _draw(axes: Axes, contrast: ClaimContrast, row: int) -> None:
    tasks = contrast.by_task
    axes.plot(tasks, [row] * len(tasks), "o", color=ACCENT, alpha=0.35, markersize=4, markeredgewidth=0)
    low, high = contrast.overall.interval()
    if low == low:
        # An interval from few runs can be far wider than any effect; it ends at the axes.
        axes.plot([low, high], [row, row], color=INK, linewidth=2, solid_capstyle="butt")
    axes.plot([contrast.overall.mean], [row], "D", color=INK, markersize=5)


def _name(contrast: ClaimContrast) -> str:
    decoding = f", {contrast.decoding}" if contrast.decoding != DECODINGS[0] else ""
    return f"{contrast.better} − {contrast.other}{decoding}"
