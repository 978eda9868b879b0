"""Mean attended distance: for each head, across seeds, and as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.formatting import distance
from posharness_reports.tables.tidy import folded

__all__ = [
    "across_seeds",
    "attended_distances",
    "by_layer",
    "every_head",
    "head_name",
    "layer_name",
    "offset_name",
]

_PLACE = ["task", "label", "stack", "layer"]


def attended_distances(mechanism: pd.DataFrame) -> pd.DataFrame:
    """The mean attended distance Σ w·m·|δ| / Σ w·m of each head, over the distances δ in tokens.

    w is the mean weight at distance δ, and m = n − |δ| the number of pairs of n tokens at that distance. n is
    the largest |δ| + 1 of the stack: the two stacks of a body may have sequences of different lengths, and
    neither has to be the training length.

    Args:
        mechanism: prepared.

    Returns:
        Columns task, label, stack, layer, seed, head, rank (1 for the head of its layer and seed that
        attends nearest), attended (the mean distance), and uniform (the mean distance with equal weights on
        all visible tokens). Heads without weights, or whose weights sum to 0, have no row.
    """
    far = mechanism["distance"].astype(float).abs()
    of_stack = [mechanism[name] for name in ("cell", "stack")]
    n = far.groupby(of_stack, observed=True).transform("max") + 1
    causal = mechanism["distance"].groupby(of_stack, observed=True).transform("max") <= 0
    mass = mechanism["weight"].astype(float) * (n - far)
    rows = mechanism[[*_PLACE, "seed", "head"]].assign(
        mass=mass, reached=mass * far, uniform=np.where(causal, (n - 1) / 4, (n**2 - 1) / (3 * n))
    )
    rows = rows[np.isfinite(mass.to_numpy())]
    sums = rows.groupby([*_PLACE, "seed", "head"], observed=True, as_index=False).agg(
        mass=("mass", "sum"), reached=("reached", "sum"), uniform=("uniform", "first")
    )
    heads = sums[sums["mass"] > 0].astype(dict.fromkeys(("task", "label", "stack"), str))
    heads = heads.assign(attended=heads["reached"] / heads["mass"])
    ranks = heads.groupby([*_PLACE, "seed"])["attended"].rank(method="first").astype(int)
    ranked: pd.DataFrame = heads.assign(rank=ranks).drop(columns=["mass", "reached"])
    return ranked.reset_index(drop=True)


def across_seeds(heads: pd.DataFrame) -> pd.DataFrame:
    """The heads of each layer by rank: mean, lowest and highest attended distance over seeds.

    Heads of different seeds do not correspond by number, so they are matched by rank.

    Args:
        heads: from `attended_distances`.
    """
    return heads.groupby([*_PLACE, "rank"], as_index=False).agg(
        seeds=("seed", "nunique"),
        attended=("attended", "mean"),
        low=("attended", "min"),
        high=("attended", "max"),
        uniform=("uniform", "mean"),
    )


def by_layer(ranked: pd.DataFrame) -> pd.DataFrame:
    """Encodings by layer: the mean over heads, and the heads that attend nearest and farthest.

    Args:
        ranked: from `across_seeds`.
    """
    rows: list[dict[str, object]] = []
    for (task, label), heads_of_label in grouped(ranked, ["task", "label"]):
        row: dict[str, object] = {
            "task": task,
            "encoding": label,
            "seeds": int(heads_of_label["seeds"].max()),
        }
        for (stack, layer), heads in grouped(heads_of_label, ["stack", "layer"]):
            far = heads["attended"]
            ends = f" ({distance(far.min())}–{distance(far.max())})" if len(far) > 1 else ""
            row[layer_name(stack, layer)] = distance(far.mean()) + ends
        rows.append(row | {"equal weights": distance(heads_of_label["uniform"].mean())})
    return pd.DataFrame(rows).fillna("–")


def every_head(ranked: pd.DataFrame) -> pd.DataFrame:
    """All values across seeds, under the column names of the CSV file."""
    names = {
        "label": "encoding",
        "rank": "head_by_rank",
        "attended": "mean_attended_distance",
        "low": "lowest_seed",
        "high": "highest_seed",
        "uniform": "with_equal_weights",
    }
    return folded(ranked.rename(columns=names))


def layer_name(stack: str, layer: int) -> str:
    """The name of a layer: "layer 0", "decoder layer 0"."""
    return f"{stack} layer {layer}".strip()


def head_name(stack: str, layer: int, head: int) -> str:
    """The name of a head: "layer 0, head 1"."""
    return f"{layer_name(stack, layer)}, head {head}"


def offset_name(distance: int) -> str:
    """A signed distance: "−3"."""
    return str(distance).replace("-", "−")
