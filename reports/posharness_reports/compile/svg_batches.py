"""Draws together what looks the same, where nothing that is drawn between is in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posharness_reports.compile.paths import Box, written
from posharness_reports.compile.svg_parts import NOT_INHERITED, Part, box_around

__all__ = ["drawn_together"]

_BACK = 40
"""So many batches back is looked for one with the same style."""


@dataclass
class _Batch:
    """Parts of one look, drawn one after the other."""

    first: Part
    clusters: list[list[Part]]
    boxes: list[Box]


def drawn_together(parts: list[Part]) -> list[Part]:
    """The parts, with those of one look together where nothing that is drawn between them is in the way."""
    batches: list[_Batch] = []
    for part in parts:
        if part.parts:
            # The parts of a collection are read in their order.
            inside = part.parts
            part.parts = _in_runs(inside) if "data-parts" in part.attributes else drawn_together(inside)
        box = box_around(part)
        movable = not part.fixed and (part.path is not None or part.tag in ("text", "circle"))
        batch = _batch_for(part, box, batches) if movable else None
        if batch is None:
            batches.append(_Batch(part, [[part]], [box]))
            continue
        if part.path is not None and _mergeable(part, box, batch):
            batch.clusters[0].append(part)
        else:
            batch.clusters.append([part])
        batch.boxes.append(box)
    return [_batched([_merged(cluster) for cluster in batch.clusters]) for batch in batches]


def _batch_for(part: Part, box: Box, batches: Sequence[_Batch]) -> _Batch | None:
    look = part.look
    for batch in batches[: -_BACK - 1 : -1]:
        if not batch.first.fixed and batch.first.look == look and batch.first.digits == part.digits:
            return batch
        if any(_overlap(box, other) for other in batch.boxes):
            return None
    return None


def _mergeable(part: Part, box: Box, batch: _Batch) -> bool:
    """Whether a path looks the same as a part of the first path of a batch."""
    if len(batch.clusters) > 1 or any("opacity" in name for name in part.style):
        return False
    return part.style.get("fill") == "none" or not any(_overlap(box, other) for other in batch.boxes)


def _merged(cluster: Sequence[Part]) -> Part:
    first = cluster[0]
    if first.path is not None:
        text = written((part.path for part in cluster if part.path is not None), first.digits)
        first.attributes = {**first.attributes, "d": text}
    return first


def _in_runs(parts: Sequence[Part]) -> list[Part]:
    """The parts in their order; those of one look that follow each other share a group."""
    runs: list[list[Part]] = []
    for part in parts:
        if runs and not part.fixed and runs[-1][0].look == part.look:
            runs[-1].append(part)
        else:
            runs.append([part])
    return [_batched([_merged([part]) for part in run]) for run in runs]


def _batched(parts: list[Part]) -> Part:
    """A part alone, or a group that has the style of its parts."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if NOT_INHERITED & set(first.style):
        return Part("g", {}, {}, parts=parts, fixed=True)
    clip = {key: value for key, value in first.attributes.items() if key == "clip-path"}
    group = Part("g", clip, first.style, parts=parts, fixed=True)
    for part in parts:
        part.style = {}
        part.attributes = {key: value for key, value in part.attributes.items() if key != "clip-path"}
    return group


def _overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than an edge."""
    e = 0.05
    return one[0] < other[2] - e and other[0] < one[2] - e and one[1] < other[3] - e and other[1] < one[3] - e
