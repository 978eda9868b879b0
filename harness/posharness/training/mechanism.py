"""What a trained model's positions do: score by distance, and where each head looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness.contracts import Attention, BoundSlots, Task
from posharness.contracts.cell import Cell
from posharness.contracts.columns import MECHANISM
from posharness.model import Model
from posharness.model.attention import SelfAttention
from posharness.seeds import generator
from posharness.training.batches import evaluation_batch, rows

__all__ = ["mechanism"]

_SCORES = 2**20
"""The most scores of one head that are looked at."""


def mechanism(cell: Cell, model: Model, task: Task) -> pd.DataFrame:
    """Read each self-attention of a model on test sequences of the training length.

    Returns:
        One row for each layer, head and signed distance, with the columns of
        `posharness.contracts.columns.MECHANISM` beside the cell's identity. The effect is the mean of the
        score with the encoding's rotate, bias and scores slots, minus q·k/√d without them.
    """
    length = task.length
    batch = evaluation_batch(cell, task, length)
    device = next(model.parameters()).device
    batch = rows(batch, 0, max(1, _SCORES // length**2)).to(device)
    found: list[pd.DataFrame] = []
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, SelfAttention):
            place = _place(name)

            def read(module: nn.Module, args: tuple[Any, ...], _: Tensor, place: Any = place) -> None:
                assert isinstance(module, SelfAttention)
                found.append(_read(module, args, place))

            hooks.append(module.register_forward_hook(read))
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model(batch, generator("positions", "test", cell.seed, length))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    frame = MECHANISM.checked(pd.concat(found, ignore_index=True))
    return frame.assign(stack=pd.Categorical(frame["stack"], frame["stack"].unique()))


def _place(name: str) -> tuple[str, int]:
    parts = name.split(".")
    stack = next((part for part in parts if part in ("encoder", "decoder")), "")
    return stack, next(int(part) for part in parts if part.isdigit())


def _read(module: SelfAttention, args: Sequence[Any], place: tuple[str, int]) -> pd.DataFrame:
    x, pos, mask, encoding, *_ = args
    q, k, v = module.heads_of(x)  # each b h n d
    content = q @ k.mT * q.shape[-1] ** -0.5  # b h n n
    if "rotate" in encoding.slots:
        q, k = encoding.rotate(q, k, pos, pos)
    slots = module.bind(encoding, q, k, v, x, pos, pos, mask)
    s = q @ k.mT * q.shape[-1] ** -0.5
    s = s if slots.bias is None else s + slots.bias
    s = s if slots.scores is None else slots.scores(s)
    acts = bool(encoding.slots & {"rotate", "bias", "scores"})
    seen = torch.ones_like(s, dtype=torch.bool) if mask is None else mask.expand_as(s)
    effect = _by_distance(s - content, seen) if acts else None
    weights = _weights(module.attention, q, k, mask, slots) if module.attention.has_weights else None
    return _frame(place, effect, None if weights is None else _by_distance(weights, seen), s.shape)


def _weights(
    attention: Attention,
    q: Float[Tensor, "b h n d"],
    k: Float[Tensor, "b h n d"],
    mask: Bool[Tensor, "#b 1 n n"] | None,
    slots: BoundSlots,
) -> Float[Tensor, "b h n n"]:
    """The weights of any attention whose output is linear in the values: what it makes of one-hot ones."""
    b, h, n, d = q.shape
    bound = BoundSlots(bias=slots.bias, scores=slots.scores)
    basis = torch.eye(n, -(-n // d) * d, device=q.device, dtype=q.dtype)  # n, rounded up to d
    parts = [attention(q, k, part.expand(b, h, n, d), mask, bound) for part in torch.split(basis, d, 1)]
    return torch.cat(parts, -1)[..., :n]


def _by_distance(
    scores: Float[Tensor, "b h n n"], seen: Bool[Tensor, "b h n n"]
) -> Float[Tensor, "h distances"]:
    """Means over the pairs that are seen, by key − query from −(n − 1) to n − 1; NaN where none is."""
    n = scores.shape[-1]
    index = torch.arange(n, device=scores.device)
    distance = (index - index[:, None] + n - 1).flatten()  # n·n
    scores = scores.masked_fill(~seen, 0.0).sum(0).flatten(1).double()  # h n·n
    counts = seen.sum(0).flatten(1).double()
    empty = scores.new_zeros(len(scores), 2 * n - 1)
    return empty.index_add(1, distance, scores) / empty.index_add(1, distance, counts)


def _frame(
    place: tuple[str, int], effect: Tensor | None, weight: Tensor | None, shape: torch.Size
) -> pd.DataFrame:
    heads, n = shape[1], shape[-1]
    nothing = torch.full((heads, 2 * n - 1), torch.nan)
    head, distance = np.indices(nothing.shape)
    frame = pd.DataFrame(
        {
            "stack": place[0],
            "layer": np.int16(place[1]),
            "head": head.ravel().astype(np.int16),
            "distance": (distance.ravel() - (n - 1)).astype(np.int32),
            "effect": (nothing if effect is None else effect).cpu().flatten().numpy().astype(np.float32),
            "weight": (nothing if weight is None else weight).cpu().flatten().numpy().astype(np.float32),
        }
    )
    # A causal body has no pairs to the right: their means are of nothing.
    return frame.dropna(how="all", subset=["effect", "weight"])
