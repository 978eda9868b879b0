"""The figure of the verdicts: the effect of each contrast with its interval, and a dot per task."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from posharness.contracts import Chart, Claim
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.readable import PAPER_HEIGHT, ReadableFigure
from posharness_reports.figures.sentences import verdict_counts
from posharness_reports.figures.theme import ACCENT, BAD, GHOST, GOOD, GRID, INK, MUTED
from posharness_reports.formatting import count
from posharness_reports.sections.claims.verdicts import ClaimContrast

__all__ = ["claim_figure", "row_labels"]

_WIDTH, _SIDE = 4.6, 0.1
"""The width of the figure (a telephone shows it whole) and the room at its sides, in inches."""

_LINE, _STRIP, _GAP, _TICKS = 0.16, 0.22, 0.1, 0.34
"""The heights of a line of text, of the strip of a contrast, between two, and of the ticks, in inches."""

_HALF_NUMBER = 0.12
"""How far from the end of an axis the tick of a number is, in inches: half its width, less the side."""

_COLOURS = {"borne out": GOOD, "contradicted": BAD}


@dataclass(frozen=True)
class _Rows:
    """The rows of one claim: its statement, then for each contrast its label above its strip."""

    claim: Claim
    contrasts: Sequence[ClaimContrast]
    width: float
    last: bool

    @cached_property
    def statement(self) -> list[str]:
        return _wrapped(self.claim.statement, self.width)

    @cached_property
    def labels(self) -> list[list[str]]:
        """The lines of each label; the outcome is at the end of the first."""
        names = row_labels(self.contrasts)
        room = text_width(max((each.outcome for each in self.contrasts), key=len)) + 0.2
        return [_wrapped(name, self.width - room) for name in names]

    @property
    def height(self) -> float:
        rows = sum(_LINE * len(lines) + _STRIP + _GAP for lines in self.labels)
        return _LINE * len(self.statement) + _GAP + rows + _TICKS + (_LINE if self.last else 0)


def claim_figure(judged: Sequence[ClaimContrast]) -> dict[str, Chart]:
    """Caption to chart: one set of axes per claim, with a row per contrast."""
    measured = [contrast for contrast in judged if contrast.evidence]
    figure = _drawn(_by_claim(measured, _WIDTH), _WIDTH)
    figure.paper = lambda width: [_drawn(part, width) for part in _pages(_by_claim(measured, width))]
    return {_caption(measured): Chart("effects", figure, _effects(measured), verdict_counts)}


def _effects(measured: Sequence[ClaimContrast]) -> pd.DataFrame:
    """A row for each contrast: what it is about, its verdict, and its effect with its interval."""
    rows = []
    for contrast in measured:
        low, high = contrast.overall.interval()
        rows.append(
            {
                "label": f"{contrast.better} − {contrast.other}, {contrast.claim.metric}",
                "verdict": contrast.outcome,
                "effect": contrast.overall.mean,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def row_labels(contrasts: Sequence[ClaimContrast]) -> list[str]:
    """What each row is about, all distinct: both sides, the decoding if there are several, and the tasks."""
    decodings = {contrast.decoding for contrast in contrasts}
    labels = []
    for contrast in contrasts:
        tasks = list(contrast.by_task.index)
        where = str(tasks[0]) if len(tasks) == 1 else count(len(tasks), "task")
        parts = [contrast.decoding if len(decodings) > 1 else "", where]
        labels.append(", ".join([f"{contrast.better} − {contrast.other}", *filter(None, parts)]))
    seen: dict[str, int] = {}
    for place, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        labels[place] += f" ({seen[label]})" if labels.count(label) > 1 or seen[label] > 1 else ""
    return labels


def _caption(measured: Sequence[ClaimContrast]) -> str:
    """How to read the figure; of what is not drawn, nothing."""
    lines = [contrast.overall.error > 0 for contrast in measured]
    interval = "" if not any(lines) else ", with its 95 % interval"
    interval += " where runs give one" if any(lines) and not all(lines) else ""
    return (
        "Effects behind the verdicts. One dot per task. Diamond: the mean over tasks"
        f"{interval}. Shaded: effects too small to matter."
    )


def _by_claim(measured: Sequence[ClaimContrast], width: float) -> list[_Rows]:
    claims = list(dict.fromkeys(contrast.claim for contrast in measured))
    return [
        _Rows(
            claim,
            [contrast for contrast in measured if contrast.claim is claim],
            width - 2 * _SIDE,
            claim is claims[-1],
        )
        for claim in claims
    ]


def _pages(claims: Iterable[_Rows]) -> list[list[_Rows]]:
    """The claims that fit on a page together."""
    pages: list[list[_Rows]] = [[]]
    for rows in claims:
        if pages[-1] and sum(each.height for each in pages[-1]) + rows.height > PAPER_HEIGHT:
            pages.append([])
        pages[-1].append(rows)
    return pages


def _wrapped(text: str, width: float) -> list[str]:
    """The lines of a text that is so wide."""
    return textwrap.wrap(text, max(int(width / text_width("m")), 12)) or [""]


def _drawn(claims: Sequence[_Rows], width: float) -> ReadableFigure:
    height = sum(rows.height for rows in claims)
    figure = ReadableFigure(width, height)
    top = height
    for rows in claims:
        down = rows.height - _TICKS - (_LINE if rows.last else 0)
        top -= rows.height
        bottom = top + rows.height - down
        axes = figure.add_axes(
            (_SIDE / width, bottom / height, (width - 2 * _SIDE) / width, down / height), ylim=(down, 0)
        )
        _draw_claim(figure, axes, rows)
    return figure


def _draw_claim(figure: ReadableFigure, axes: Axes, rows: _Rows) -> None:
    smallest = rows.claim.smallest_effect
    widest = max(abs(effect) for each in rows.contrasts for effect in [*each.by_task, each.overall.mean])
    limit = 1.1 * max(widest, 2 * smallest)
    axes.set(xlim=(-limit, limit), yticks=[])
    axes.grid(visible=False)
    axes.locator_params(axis="x", nbins=5)
    # The number at a tick near the end would be cut.
    most = limit * (1 - 2 * _HALF_NUMBER / rows.width)
    axes.set_xticks([tick for tick in axes.get_xticks() if abs(tick) <= most])
    down = _text(axes, rows.statement, 0.0, INK, 9) + _GAP
    strips = []
    for contrast, lines in zip(rows.contrasts, rows.labels, strict=True):
        colour = _COLOURS.get(contrast.outcome, MUTED)
        place = axes.get_yaxis_transform()
        axes.text(1, down, contrast.outcome, transform=place, color=colour, size=8, ha="right", va="top")
        down = _text(axes, lines, down, INK, 8)
        strip = (-smallest, down + 0.02), 2 * smallest, _STRIP - 0.04
        axes.add_patch(Rectangle(*strip, color=GRID, linewidth=0))
        axes.plot([0, 0], [down, down + _STRIP], color=GHOST, linewidth=1)
        _draw(axes, contrast, down + _STRIP / 2)
        strips.append((down, down + _STRIP))
        down += _STRIP + _GAP
    if rows.last:
        axes.set_xlabel("effect: difference of the claim's metric")
    names = row_labels(rows.contrasts)
    dots = pd.concat(map(_dots, rows.contrasts, names), ignore_index=True)
    ends: dict[tuple[str, ...], tuple[float, float]] = {
        (name,): strip for name, strip in zip(names, strips, strict=True)
    }
    figure.read_dots(axes, rows.claim.statement, ("on", "effect"), dots, ends)


def _dots(contrast: ClaimContrast, label: str) -> pd.DataFrame:
    """What is read in the row of a contrast: the mean over tasks, and the effect in each of several."""
    assert contrast.evidence is not None
    effects = contrast.evidence.effect.by_block
    where = next(iter(effects)) if len(effects) == 1 else f"{len(effects)} tasks, on average"
    named = {f"{where}: {contrast.outcome}": contrast.overall, **(effects if len(effects) > 1 else {})}
    return pd.DataFrame(
        [
            {"label": label, "name": name, "y": each.mean, "low": low, "high": high}
            for name, each in named.items()
            for low, high in [each.interval()]
        ]
    )


def _text(axes: Axes, lines: Sequence[str], down: float, colour: str, size: float) -> float:
    """Write lines from the left end; the place below them."""
    for line in lines:
        axes.text(0, down, line, transform=axes.get_yaxis_transform(), color=colour, size=size, va="top")
        down += _LINE
    return down


def _draw(axes: Axes, contrast: ClaimContrast, row: float) -> None:
    tasks = contrast.by_task
    axes.plot(tasks, [row] * len(tasks), "o", color=ACCENT, alpha=0.35, markersize=4, markeredgewidth=0)
    low, high = contrast.overall.interval()
    if low == low:
        # An interval from few runs can be far wider than any effect; it ends at the axes.
        axes.plot([low, high], [row, row], color=INK, linewidth=2, solid_capstyle="butt")
    axes.plot([contrast.overall.mean], [row], "D", color=INK, markersize=5)
