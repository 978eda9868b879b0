"""The contract of a claim: a statement about encodings that runs can bear out, or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    import pandas as pd

    from posharness.contracts.frames import Frames

__all__ = ["Claim"]


class Claim(Named, ABC):
    """A statement, what is set against what, what is measured, and the smallest effect that matters.

    The report gives each contrast a verdict: from the differences of paired runs (of one task, one seed and
    one attention, which met the same data), never from the statement.

    Attributes:
        statement: what is claimed, as a sentence.
        contrasts: pairs of names of encodings: the one that is claimed to do better, and the one that it is
            compared with. Every label of the one is compared with every label of the other.
        metric: what `measure` gives of a run, in words; more of it is better.
        smallest_effect: the smallest difference of the metric that matters, above 0.
        order: claims stand in ascending order; the built-in ones leave gaps of ten.
    """

    statement: ClassVar[str]
    contrasts: ClassVar[tuple[tuple[str, str], ...]]
    metric: ClassVar[str]
    smallest_effect: ClassVar[float] = 0.05
    order: ClassVar[int] = 500

    @abstractmethod
    def measure(self, frames: Frames) -> pd.DataFrame:
        """The metric of each run that it can be told of.

        Args:
            frames: of trained cells alone, one cell for each task, label and seed.

        Returns:
            Columns task (what is measured of it included, where that is several things), label, seed, value,
            and reason: "", or, of a label that has no value (NaN), why.
        """
