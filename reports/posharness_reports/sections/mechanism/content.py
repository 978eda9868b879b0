"""Prose, tables and figures of what positions do to attention."""

from __future__ import annotations

import numpy as np
import pandas as pd

from posharness.contracts import Section
from posharness_reports.formatting import enumerate_words, escape_markdown
from posharness_reports.sections.mechanism.attended_distance import (
    across_seeds,
    attended_distances,
    by_layer,
    every_head,
)
from posharness_reports.sections.mechanism.attended_distance_figures import attended_distance_figures
from posharness_reports.sections.mechanism.score_figures import score_figures
from posharness_reports.study import Study

__all__ = ["describe", "of_one_seed", "with_effect"]

_BY_LAYER = "Mean attended distance by layer. In tokens: mean over heads (nearest–farthest head)"
_ABOUT = (
    "Measured in the trained models, on test sequences of the training length. What an encoding *adds to a "
    "score* is the score with the encoding minus the plain q·k/√d, as a mean over all pairs at one "
    "distance. A softmax ignores constants: the shape of a line matters, and its height does not. A mean "
    "hides what depends on content: an encoding may change every pair strongly but differently, and still "
    "add little on average.\n\nThe *mean attended distance* of a head is Σ w·m·|δ| / Σ w·m, where w is the "
    "mean weight at distance δ and m = n − |δ| is the number of pairs of n tokens at that distance. Heads "
    "of different seeds do not correspond; with several seeds, the heads of each layer are matched by rank. "
    "How far a head attends does not say whether the model uses what it attends to."
)


def describe(study: Study) -> Section | None:
    """The section; None when no attention was measured."""
    effects = of_one_seed(with_effect(study.mechanism))
    ranked = across_seeds(attended_distances(study.mechanism))
    if effects.empty and ranked.empty:
        return None
    tables = {}
    if not ranked.empty:
        tables = {
            _BY_LAYER: by_layer(ranked),
            "Mean attended distance, every head": every_head(ranked),
        }
    return Section(
        "What positions do to attention",
        _prose(study, effects, ranked),
        tables,
        score_figures(effects) | attended_distance_figures(ranked, study.cells),
    )


def with_effect(mechanism: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold what an encoding adds to a score."""
    rows: pd.DataFrame = mechanism[np.isfinite(mechanism["effect"].to_numpy(dtype=float))]
    return rows


def of_one_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the lowest seed that each task and label has."""
    lowest = rows.groupby(["task", "label"], observed=True)["seed"].transform("min")
    return rows[rows["seed"] == lowest]


def _prose(study: Study, effects: pd.DataFrame, ranked: pd.DataFrame) -> str:
    """How to read the figures, and which encodings each figure leaves out.

    Args:
        effects: rows with an effect.
        ranked: mean attended distances across seeds.
    """
    labels = set(study.mechanism["label"].astype(str))
    paragraphs = [_ABOUT]
    if unchanged := sorted(labels - set(effects["label"].astype(str))):
        verb = "changes" if len(unchanged) == 1 else "change"
        paragraphs.append(f"{_listed(unchanged)} {verb} no attention score.")
    if no_weights := sorted(labels - set(ranked["label"].astype(str))):
        verb = "has" if len(no_weights) == 1 else "have"
        paragraphs.append(
            f"{_listed(no_weights)} {verb} no attention weights: the output of this attention is not a "
            "weighted sum."
        )
    return "\n\n".join(paragraphs)


def _listed(labels: list[str]) -> str:
    return escape_markdown(enumerate_words(labels))
