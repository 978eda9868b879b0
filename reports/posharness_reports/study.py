"""A study: the prepared frames of a store, and the measurements that its sections share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from posharness.contracts import Claim, Frames
from posharness.contracts.columns import FREE_RUNNING
from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import prepare, title, without_trials
from posharness_reports.data.texts import with_plain_texts
from posharness_reports.measures.accuracy import Measured, by_dependency_length, by_evaluation_length
from posharness_reports.measures.other_lengths import changes
from posharness_reports.measures.outcomes import Outcomes, outcomes
from posharness_reports.measures.ranking import Rankings, rank_all
from posharness_reports.measures.scores import run_scores
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.measures.whole_sequences import whole_sequences

__all__ = ["Study", "study"]

T = TypeVar("T")


@dataclass(frozen=True)
class Study(Frames):
    """Prepared frames, with the measurements that several sections need.

    Attributes:
        claims: the claims that the report gives a verdict on.
        baseline: the label that all others are compared with; empty for none.
        alpha: the rate of false statements that the report may make when nothing differs.
        trials: the cells that tried settings, as in the store; they are in no other frame.
    """

    claims: tuple[Claim, ...] = field(default=(), kw_only=True)
    baseline: str = field(default="", kw_only=True)
    alpha: float = field(default=ALPHA, kw_only=True)
    trials: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)
    _made: dict[Callable[[Study], Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, compute: Callable[[Study], T]) -> T:
        """What a function makes of this study, computed the first time only."""
        if compute not in self._made:
            self._made[compute] = compute(self)
        made: T = self._made[compute]
        return made

    @cached_property
    def by_distance(self) -> Measured:
        """Accuracy by dependency length."""
        return by_dependency_length(self)

    @cached_property
    def by_length(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Accuracy by evaluation length: points and runs."""
        return by_evaluation_length(self)

    @cached_property
    def titles(self) -> dict[str, tuple[str, str]]:
        """The title of each task and objective, and what it names (see `prepare.title`)."""
        columns = (self.cells["task"], self.cells["objectives"])
        pairs = {
            (str(task), str(objective))
            for task, objectives in zip(*columns, strict=True)
            for objective in objectives
        }
        return {title(task, objective, self.cells): (task, objective) for task, objective in sorted(pairs)}

    @cached_property
    def free_running(self) -> frozenset[tuple[str, str]]:
        """Task and objective of what was decoded free-running."""
        rows = matching(self.predictions, decoding=FREE_RUNNING)[["task", "objective"]].drop_duplicates()
        return frozenset((str(task), str(objective)) for task, objective in rows.itertuples(index=False))

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Accuracy at other lengths, relative to each run's own at the training length."""
        return changes(self.by_length[1])

    @cached_property
    def outcomes(self) -> Outcomes:
        """How answers change with their source, and with everything else."""
        return outcomes(self)

    @cached_property
    def whole_sequences(self) -> pd.DataFrame:
        """The share of sequences that are right as a whole, by evaluation length."""
        return whole_sequences(self)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The score of each run, with the columns `posharness_reports.measures.scores.SCORES`."""
        posed = dict(zip(self.cells["task"], self.cells["posed"], strict=True))
        return run_scores(self.by_distance, self.by_length, posed, self.free_running)

    @cached_property
    def rankings(self) -> Rankings:
        """The rankings of all labels, over tasks and of each task and objective, by scope.

        Tasks with dependency lengths are ranked together, and those without apart from them.
        """
        return rank_all(self.scores.assign(decoding=self.scores["ranked_as"]), self.alpha)

    @cached_property
    def trained(self) -> Study:
        """The part about trained cells: everything but the readings."""
        return self.part(self.cells["pretrained"] == "")

    @cached_property
    def readings(self) -> Study:
        """The part about readings of pretrained models."""
        return self.part(self.cells["pretrained"] != "")

    def of_runs(self, runs: Collection[tuple[str, str]]) -> Study:
        """The part about these pairs of task and label."""
        pairs = zip(self.cells["task"].astype(str), self.cells["label"].astype(str), strict=True)
        return self.part(pd.Series([pair in runs for pair in pairs], self.cells.index, dtype=bool))

    def part(self, chosen: pd.Series[bool]) -> Study:
        """The part about the chosen cells."""
        if chosen.all():
            return self
        cells = self.cells[chosen].reset_index(drop=True)
        rows = (self.predictions, self.curves, self.mechanism, self.interventions, self.examples)
        kept = (frame[frame["cell"].isin(cells["cell"])].reset_index(drop=True) for frame in rows)
        return Study(
            cells,
            *kept,
            costs=self.costs,
            claims=self.claims,
            baseline=self.baseline,
            alpha=self.alpha,
            trials=self.trials,
        )

    @property
    def labels(self) -> list[str]:
        """Every label, sorted."""
        return sorted(set(self.cells["label"]))


def study(frames: Frames, claims: Sequence[Claim] = (), baseline: str = "", alpha: float = ALPHA) -> Study:
    """The study of these frames; a study is returned as it is, with its claims, baseline and rate."""
    if isinstance(frames, Study):
        return frames
    compared, trials = without_trials(with_plain_texts(frames))
    ready = prepare(compared)
    return Study(
        ready.cells,
        ready.predictions,
        ready.curves,
        ready.mechanism,
        ready.interventions,
        ready.examples,
        costs=ready.costs,
        claims=tuple(claims),
        baseline=baseline,
        alpha=alpha,
        trials=trials,
    )
