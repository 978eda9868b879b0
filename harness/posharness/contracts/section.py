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

    from posharness.contracts.claim import Claim

__all__ = ["Frames", "ReportSection", "Section"]


def _no_rows() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame()


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything a store holds, as tidy frames joined by `cell` (the key).

    Attributes:
        cells: one row for each cell, of any status. Columns: cell, label (the encoding as typed, and the
            attention where it is not softmax), encoding, attention, body, task, seed, status, reason,
            parameters, encoding_parameters, steps, seconds, step_ms, train_length, max_length, distance,
            undefined_lengths, objectives (names, parted by "; "), score (best validation score),
            torch, python, machine, results_version, started, settings (what else is in the key, as
            `name=value` words: model, budget, optimiser, digest of the data; cells that differ in it are
            never averaged), source (digest of the plugins' code), pretrained (of a reading, what was read:
            the `cell` that trained it, or the digest of a model from elsewhere; "" of a training run).
        predictions: one row for each scored prediction of a done cell. Columns: cell, label, encoding,
            attention, body, task, seed, split, objective, length, sequence, position,
            dependency_length (-1 for none), stratum, correct, log_prob, chance.
        curves: one row for each logged step and objective of any cell that trained. Columns: cell,
            label, encoding, attention, body, task, seed, step, seconds, objective, train_loss,
            validation_loss, validation_score, gradient_norm, learning_rate; NaN where not measured.
        mechanism: what positions do in the done cells, one row for each layer, head and signed distance
            (key − query). Columns: cell, label, encoding, attention, body, task, seed, stack, layer,
            head, distance, effect (mean of what the encoding adds to a score; NaN where it acts on
            none), weight (mean attention weight; NaN where the attention has none).
        claims: the statements that the report gives a verdict on.
    """

    cells: pd.DataFrame
    predictions: pd.DataFrame
    curves: pd.DataFrame
    mechanism: pd.DataFrame = field(default_factory=_no_rows)
    claims: tuple[Claim, ...] = field(default=(), kw_only=True)


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
