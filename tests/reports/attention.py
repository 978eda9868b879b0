"""Attention for simulated cells: weights that fall with the distance, and what an encoding adds to scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from posharness.contracts import Frames

__all__ = ["weights", "with_attention"]


def _by_distance(of_pairs: np.ndarray, causal: bool) -> pd.DataFrame:
    """Mean weights of one head by signed distance."""
    n = len(of_pairs)
    far = np.arange(n) - np.arange(n)[:, None]
    shown = range(1 - n, 1 if causal else n)
    means = [float(of_pairs[far == d].mean()) for d in shown]
    return pd.DataFrame({"distance": list(shown), "weight": means, "effect": [-abs(d) / 3 for d in shown]})


def weights(n: int, sharpness: float, causal: bool) -> np.ndarray:
    """Weights that fall with the distance, each row of which sums to 1."""
    far = np.abs(np.arange(n) - np.arange(n)[:, None])
    of_pairs = np.exp(-sharpness * far) * (np.tri(n) if causal else 1)
    return of_pairs / of_pairs.sum(1, keepdims=True)


def with_attention(
    frames: Frames, n: int = 7, layers: int = 2, heads: int = 3, stacks: tuple[str, ...] = ("",)
) -> Frames:
    """The frames with rows of mechanism for each done cell; the order of heads turns with the seed."""
    rows = []
    labels = list(dict.fromkeys(frames.cells["label"]))
    for _, cell in frames.cells[frames.cells["status"] == "done"].iterrows():
        identity = cell[["cell", "label", "encoding", "attention", "body", "task", "seed"]].to_dict()
        for stack in stacks:
            for layer in range(layers):
                for head in range(heads):
                    # Each label after the first attends a little nearer.
                    sharpness = 0.3 * ((head + cell["seed"]) % heads) + 0.02 * labels.index(cell["label"])
                    causal = cell["body"] == "decoder" or stack == "decoder"
                    own = _by_distance(weights(n, sharpness, causal), causal)
                    # Each head adds something else.
                    own["effect"] *= 1 + head + heads * layer
                    rows.append(own.assign(stack=stack, layer=layer, head=head, **identity))
    found = pd.concat(rows, ignore_index=True)
    return replace(frames, mechanism=found.astype({"task": "category", "label": "category"}))
