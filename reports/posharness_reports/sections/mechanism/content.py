"""What is said of the mechanism: which runs are shown, how to read them, and what has nothing to show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from posharness_reports.formatting import enumerate_words, escape_markdown
from posharness_reports.study import Study

__all__ = ["acting", "of_one_seed", "prose"]


def acting(mechanism: pd.DataFrame) -> pd.DataFrame:
    """The rows that tell what an encoding adds to a score."""
    found: pd.DataFrame = mechanism[np.isfinite(mechanism["effect"].to_numpy(dtype=float))]
    return found


def of_one_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the lowest seed that each task and label has."""
    lowest = rows.groupby(["task", "label"], observed=True)["seed"].transform("min")
    return rows[rows["seed"] == lowest]


def prose(study: Study, effects: pd.DataFrame, ranked: pd.DataFrame) -> str:
    """How to read the figures, and which encodings are missing from each.

    Args:
        effects: rows with an effect.
        ranked: mean attended distances across seeds.
    """
    said = (
        "Read off the trained models, on test sequences of the training length. *Added to a score* is the "
        "mean, over all pairs at one distance, of the score as the encoding leaves it minus the plain "
        "q·k/√d. A softmax takes no notice of a constant, so the shape of a line matters and its height "
        "does not. A mean hides what depends on content: an encoding may act strongly and differently on "
        "each pair, and still add little on average.\n\n"
        "The *mean attended distance* of a head is Σ w·m·|δ| / Σ w·m, with the mean weight w at distance δ "
        "and the m = n − |δ| pairs of n tokens that lie so far apart. Heads are not numbered alike in "
        "different seeds; where there are several, those of each layer are matched by rank. How far a "
        "head looks says nothing of whether what it finds is used."
    )
    read = set(study.mechanism["label"].astype(str))
    if still := sorted(read - set(effects["label"].astype(str))):
        said += f"\n\nAdds to no score: {_listed(still)}."
    if unweighed := sorted(read - set(ranked["label"].astype(str))):
        said += f"\n\nHas no attention weights, since its output is no weighted sum: {_listed(unweighed)}."
    return said


def _listed(labels: list[str]) -> str:
    return escape_markdown(enumerate_words(labels))
