"""The results of a store, as frames: all of them, or those of chosen cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posharness.contracts import Frames
from posharness.contracts.columns import TABLES
from posharness.contracts.versions import SUPERSEDED, replacement_reason, superseded, versioned_rows
from posharness.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "chosen", "load", "mark", "stored_frames"]


class Results(Frames):
    """The results of a store, as tidy frames; their columns are in `posharness.contracts.columns`."""

    __slots__ = ()


def load(store: str | Path, *, versions: Literal["current", "all"] = "current") -> Results:
    """Load the results of a store.

    Args:
        store: the folder of the results.
        versions: "current" leaves out the cells that a later version of their code replaces; "all" keeps
            them. The column `version` of `cells` distinguishes versions.

    Raises:
        UserError: there is no store, or it belongs to another version.

    Examples:
        >>> results = posharness.load("runs")  # doctest: +SKIP
        >>> results.predictions.groupby("label", observed=True)["correct"].mean()  # doctest: +SKIP
    """
    frames = stored_frames(Store.open(Path(store), create=False))
    if versions == "current":
        old = superseded(versioned_rows(frames.cells))
        return chosen(frames, lambda cells: ~cells.isin(old))
    return chosen(frames, lambda cells: cells.notna())


def chosen(frames: Frames, which: Callable[[pd.Series[str]], pd.Series[bool]]) -> Results:
    """The rows of the cells that are chosen by their keys."""
    every = {table.name: getattr(frames, table.name) for table in TABLES}
    kept = {name: frame[which(frame["cell"])].reset_index(drop=True) for name, frame in every.items()}
    return Results(**kept, costs=frames.costs)


def mark(cells: pd.DataFrame, old: Mapping[str, str]) -> None:
    """Give the rows of superseded cells their status and reason."""
    for key, version in old.items():
        cells.loc[cells["cell"] == key, ["status", "reason"]] = [SUPERSEDED, replacement_reason(version)]


def stored_frames(store: Store) -> Frames:
    from posharness.store.frames import read_frames  # not at the top: pandas and pyarrow import slowly

    return read_frames(store)
