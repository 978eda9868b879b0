"""The contract of a report section: data frames in; prose, tables and figures out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from posharness.contracts.frames import Frames

__all__ = ["ReportSection", "Section"]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report.

    Attributes:
        title: its heading.
        prose: paragraphs of Markdown, without figures or tables.
        tables: caption to frame; each also becomes a CSV file.
        figures: caption to figure; each is also written as SVG, PNG and PDF.
    """

    title: str
    prose: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


class ReportSection(Named, ABC):
    """A part of every report.

    Attributes:
        order: sections stand in ascending order; the built-in ones leave gaps of ten.
    """

    order: ClassVar[int] = 500

    @abstractmethod
    def build(self, frames: Frames) -> Section | None:
        """Turn frames into a section; None when it has nothing to say about them."""
