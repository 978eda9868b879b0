"""The masks of attention: which keys a query may see."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

__all__ = ["unpadded", "visible"]


def visible(
    tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None, *, causal: bool
) -> Bool[Tensor, "#b 1 n n"] | None:
    """True where a query (third axis) may see a key (last axis); None where every query sees every key."""
    n = tokens.shape[1]
    real = unpadded(n, padding)
    if not causal:
        return real
    mask = torch.ones(1, 1, n, n, dtype=torch.bool, device=tokens.device).tril()
    return mask if real is None else mask & real


def unpadded(queries: int, padding: Bool[Tensor, "b k"] | None) -> Bool[Tensor, "b 1 q k"] | None:
    """The mask that hides padding from this number of queries; None without padding."""
    if padding is None or not padding.any():
        return None
    return ~padding[:, None, None, :].expand(-1, -1, queries, -1)
