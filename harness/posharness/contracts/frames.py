"""The results of a store as tidy frames, which report sections and claims receive."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames"]


def _no_rows() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame()


@dataclass(frozen=True, slots=True)
class Frames:
    """The results of a store, as tidy frames joined by `cell` (the key).

    Their columns are in `posharness.contracts.columns`.

    Attributes:
        cells: one row for each cell, of any status.
        predictions: one row for each scored prediction of a done cell.
        curves: one row for each logged step and objective of a cell that trained.
        mechanism: attention by distance in the done cells, one row for each layer, head and signed distance.
        interventions: one row for each prediction of a done cell in a test sequence with changed tokens.
        examples: a few dozen predictions of each test of a done cell, with tokens and answers as text.
        costs: what `harness cost` measured for this store, one row for each plugin and length; about no cell.
    """

    cells: pd.DataFrame
    predictions: pd.DataFrame
    curves: pd.DataFrame
    mechanism: pd.DataFrame = field(default_factory=_no_rows)
    interventions: pd.DataFrame = field(default_factory=_no_rows)
    examples: pd.DataFrame = field(default_factory=_no_rows)
    costs: pd.DataFrame = field(default_factory=_no_rows, kw_only=True)

    def only(self, keys: Collection[str]) -> Frames:
        """The rows of some cells; what is of no cell stays."""
        every = {each.name: getattr(self, each.name) for each in fields(Frames)}
        return Frames(
            **{
                name: frame[frame["cell"].isin(keys)].reset_index(drop=True) if "cell" in frame else frame
                for name, frame in every.items()
            }
        )
