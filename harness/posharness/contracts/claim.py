"""The contract of a claim: a statement about encodings that runs can support or contradict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    import pandas as pd

    from posharness.contracts.frames import Frames

__all__ = ["Claim", "Contrast", "Group", "Twins"]


@dataclass(frozen=True)
class Group:
    """The encodings of a family, taken together as one side of a contrast; each counts once.

    Attributes:
        family: of `PositionalEncoding.family`.
        kind: "trained" for those with trainable parameters, "fixed" for those that have none; empty for both.
            An encoding that `trained=False` keeps at its start belongs to no group.
    """

    family: str
    kind: Literal["", "trained", "fixed"] = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.family)))


@dataclass(frozen=True)
class Twins:
    """Every label against the one that differs from it in one thing alone; the pairs are taken together.

    Attributes:
        by: what differs. "trained": an encoding with trainable parameters, and the same with `trained=False`;
            "body" or "attention": runs with `better` and with `other`.
        better, other: names of bodies or attentions.
    """

    by: Literal["trained", "body", "attention"]
    better: str = "trained"
    other: str = "kept at the start"


Contrast = tuple["str | Group", "str | Group"] | Twins
"""The side that a claim expects to be better, and the one that it is compared with.

A name means every variant of that encoding, each compared by its label; with parameters in brackets, as in
"relative[values=false]", that label alone.
"""


class Claim(Named, ABC):
    """A statement, the encodings that it compares, a metric, and the smallest effect that matters.

    The report gives each contrast a verdict. It is computed from the means of runs, task by task; see
    `docs/reference/claims.md`.

    Attributes:
        statement: the claim, as a sentence.
        refuted_by: what would refute it, as a clause after "Refuted by"; may be empty.
        contrasts: what it compares, declared before the runs.
        metric: the name of what `measure` returns for a run; higher is better.
        where: the sequences in which it is measured, as in "at the training length"; may be empty.
        smallest_effect: the smallest difference of the metric that matters, above 0.
        scaled: whether 0 of the metric is chance and 1 is perfect. Only then failed runs can count as at
            chance.
        needs_room: whether a difference can show only where not both sides are at the ceiling of accuracy.
            "No difference" is said of tasks on which one could show. That a side has learned a task, and
            whether it is at the ceiling, is read from the metric if that is scaled, and else from the
            normalised accuracy at the training length of the same runs.
        order: claims are in ascending order; the built-in ones use 10, 20, 30 ….
    """

    statement: ClassVar[str]
    refuted_by: ClassVar[str] = ""
    contrasts: ClassVar[tuple[Contrast, ...]]
    metric: ClassVar[str]
    where: ClassVar[str] = ""
    smallest_effect: ClassVar[float] = 0.05
    scaled: ClassVar[bool] = True
    needs_room: ClassVar[bool] = True
    order: ClassVar[int] = 500

    @abstractmethod
    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measure the metric of each run.

        Args:
            frames: the trained cells, one for each task, label and seed.

        Returns:
            The columns task, label, seed, value and reason. Where the metric has several values for a task,
            the text of `task` says which one this is. `reason` says why a value is NaN, and is "" elsewhere.
            A further column `precision` may give the standard deviation that a value has by the way it is
            measured; runs that agree more closely are not taken to be so certain.
        """
