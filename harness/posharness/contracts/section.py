"""The contract of a report section, which turns data frames into prose, tables and figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from posharness.contracts.frames import Frames

__all__ = ["PLACES", "Chart", "Place", "ReportSection", "Section", "in_report_order"]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with the sentence that says what it shows in this report.

    The sentence is made from the numbers that are drawn, so it is true whatever they are: "rope keeps 0.90 to
    64 tokens; alibi is below it at 24". A difference that noise can make is no finding: say of a line what
    its whole interval says.

    Attributes:
        name: names its files, after the name of the section. It is the same whatever the numbers are.
        figure: the drawing.
        data: the numbers that are drawn.
        says: makes the sentence from `data`.
        sentence: what `says` made of `data`.

    Raises:
        ValueError: the sentence is empty or does not end in a full stop.
    """

    name: str
    figure: Figure
    data: pd.DataFrame
    says: Callable[[pd.DataFrame], str]
    sentence: str = field(init=False)

    def __post_init__(self) -> None:
        sentence = self.says(self.data)
        if not (isinstance(sentence, str) and sentence.strip().endswith(".")):
            raise ValueError(
                f"The chart {self.name!r} says {sentence!r}: expected a sentence with a full stop that says "
                "what the figure shows."
            )
        object.__setattr__(self, "sentence", sentence)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report.

    Attributes:
        title: the heading.
        prose: paragraphs of Markdown, without figures or tables.
        tables: tables by caption; each is also written as CSV.
        figures: charts by caption, which says how to read the figure; each is also written as SVG.

    Raises:
        TypeError: a figure is not a `Chart`, so that nothing says what it shows.
    """

    title: str
    prose: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Chart] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for caption, chart in self.figures.items():
            if not isinstance(chart, Chart):
                raise TypeError(
                    f"The figure {caption!r} of the section {self.title!r} is a {type(chart).__name__}: "
                    "expected a Chart(name, figure, data, says), whose sentence says what the figure shows."
                )


Place = Literal[
    "overview", "accuracy", "learning", "pretraining", "readings", "mechanism", "cost", "trust", "end"
]
"""A part of the report."""

PLACES: tuple[Place, ...] = get_args(Place)
"""The parts of the report, from the top to the bottom."""


class ReportSection(Named, ABC):
    """A section of every report.

    Attributes:
        place: the part of the report that it belongs to, one of `PLACES`: "overview" (what was run, and the
            verdicts on claims), "accuracy", "learning" (curves), "pretraining", "readings" (of pretrained
            models), "mechanism" (what happens inside), "cost", "trust" (what is missing) or "end".
        order: sections of one place are in ascending order. The built-in ones use 10, 20, 30 …, so that a
            section without an order comes after them.
    """

    place: ClassVar[Place] = "end"
    order: ClassVar[int] = 500

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.place not in PLACES:
            raise TypeError(f"place of {cls.__name__} is {cls.place!r}: expected one of {', '.join(PLACES)}.")

    @abstractmethod
    def build(self, frames: Frames) -> Section | None:
        """Build the section from the frames; None if they hold nothing that it shows."""


def in_report_order(sections: Iterable[ReportSection]) -> list[ReportSection]:
    """Sections from the top of a report to its bottom: by place, then by order, then by name."""
    return sorted(sections, key=lambda section: (PLACES.index(section.place), section.order, section.name))
