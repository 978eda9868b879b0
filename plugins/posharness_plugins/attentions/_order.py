"""The place of queries among the keys, for attentions that depend on the order of tokens."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor


def own_key(queries: int, keys: int, device: torch.device) -> Int[Tensor, "q 1"]:
    """The index of each query's own key: the queries are the last tokens of the sequence of keys.

    Raises:
        ValueError: there are more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"{queries} queries are not the last tokens of a sequence of {keys} keys")
    return torch.arange(keys - queries, keys, device=device)[:, None]
