"""The contract of a claim: a statement about encodings that runs can support or contradict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    import pandas as pd

    from posharness.contracts.frames import Frames

__all__ = ["Claim"]


class Claim(Named, ABC):
    """A statement, the encodings that it compares, a metric, and the smallest effect that matters.

    The report gives each contrast a verdict. It is computed from the differences between paired runs: those
    of the same task, seed and attention, which were trained on the same data.

    Attributes:
        statement: the claim, as a sentence.
        contrasts: pairs of names of encodings: the one that the claim expects to be better, and the one that
            it is compared with. Every label of the first is compared with every label of the second.
        metric: the name of what `measure` returns for a run; higher is better.
        smallest_effect: the smallest difference of the metric that matters, above 0.
        order: claims are in ascending order; the built-in ones use 10, 20, 30 ….
    """

    statement: ClassVar[str]
    contrasts: ClassVar[tuple[tuple[str, str], ...]]
    metric: ClassVar[str]
    smallest_effect: ClassVar[float] = 0.05
    order: ClassVar[int] = 500

    @abstractmethod
    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measure the metric of each run.

        Args:
            frames: the trained cells, one for each task, label and seed.

        Returns:
            The columns task, label, seed, value and reason. Where the metric has several values for a task,
            the text of `task` says which one this is. `reason` says why a value is NaN, and is "" elsewhere.
        """
