"""A study: the prepared frames of a store, and the measurements that its sections share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from posharness.contracts import Claim, Frames
from posharness.contracts.columns import FREE_RUNNING
from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import prepare
from posharness_reports.measures.accuracy import Measured, by_dependency_length, by_evaluation_length

__all__ = ["Study", "study"]


@dataclass(frozen=True)
class Study(Frames):
    """Prepared frames, with the measurements that several sections need.

    Attributes:
        claims: the claims that the report gives a verdict on.
    """

    claims: tuple[Claim, ...] = field(default=(), kw_only=True)

    @cached_property
    def by_distance(self) -> Measured:
        """Accuracy by dependency length."""
        return by_dependency_length(self)

    @cached_property
    def by_length(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Accuracy by evaluation length: points and runs."""
        return by_evaluation_length(self)

    @cached_property
    def free_running(self) -> frozenset[tuple[str, str]]:
        """Task and objective of what was decoded free-running."""
        rows = matching(self.predictions, decoding=FREE_RUNNING)[["task", "objective"]].drop_duplicates()
        return frozenset((str(task), str(objective)) for task, objective in rows.itertuples(index=False))

    @cached_property
    def trained(self) -> Study:
        """The part about trained cells: everything but the readings."""
        return self._part(self.cells["pretrained"] == "")

    @cached_property
    def readings(self) -> Study:
        """The part about readings of pretrained models."""
        return self._part(self.cells["pretrained"] != "")

    def _part(self, chosen: pd.Series[bool]) -> Study:
        if chosen.all():
            return self
        cells = self.cells[chosen].reset_index(drop=True)
        rows = (self.predictions, self.curves, self.mechanism, self.interventions)
        kept = (frame[frame["cell"].isin(cells["cell"])].reset_index(drop=True) for frame in rows)
        return Study(cells, *kept, claims=self.claims)

    @property
    def labels(self) -> list[str]:
        """Every label, sorted."""
        return sorted(set(self.cells["label"]))


def study(frames: Frames, claims: Sequence[Claim] = ()) -> Study:
    """The study of these frames; a study is returned as it is, with its claims."""
    if isinstance(frames, Study):
        return frames
    ready = prepare(frames)
    return Study(
        ready.cells,
        ready.predictions,
        ready.curves,
        ready.mechanism,
        ready.interventions,
        claims=tuple(claims),
    )
