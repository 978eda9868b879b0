"""What the slots of an encoding are called with on a bench, and the scores that they make together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from posharness.conformance.bench import BATCH, LENGTH, Bench, draw
from posharness.contracts import PositionalEncoding, Slot
from posharness.seeds import generator

__all__ = ["SlotInput", "call", "pair_scores", "slot_input"]


@dataclass(frozen=True, slots=True)
class SlotInput:
    """The tensors of one call of attention."""

    q: Float[Tensor, "b h q d"]
    k: Float[Tensor, "b h k d"]
    v: Float[Tensor, "b h k d"]
    x: Float[Tensor, "b k width"]
    pos_q: Shaped[Tensor, " q"]
    pos_k: Shaped[Tensor, " k"]
    mask: Bool[Tensor, "1 1 q k"]

    def last(self, queries: int) -> SlotInput:
        """The same keys, with the last queries only."""
        return self.asked(torch.arange(self.q.shape[2])[-queries:])

    def asked(self, tokens: Tensor) -> SlotInput:
        """The same keys, with the queries of some tokens only."""
        return replace(self, q=self.q[:, :, tokens], pos_q=self.pos_q[tokens], mask=self.mask[:, :, tokens])

    def keys(self, keys: int) -> SlotInput:
        """The same queries, with the first keys only."""
        return replace(
            self,
            k=self.k[:, :, :keys],
            v=self.v[:, :, :keys],
            x=self.x[:, :keys],
            pos_k=self.pos_k[:keys],
            mask=self.mask[..., :keys],
        )

    def at(self, tokens: Tensor) -> SlotInput:
        """Some of the tokens only, as queries and as keys."""
        return SlotInput(
            q=self.q[:, :, tokens],
            k=self.k[:, :, tokens],
            v=self.v[:, :, tokens],
            x=self.x[:, tokens],
            pos_q=self.pos_q[tokens],
            pos_k=self.pos_k[tokens],
            mask=self.mask[:, :, tokens][..., tokens],
        )

    def positioned(self, pos: Shaped[Tensor, " n"]) -> SlotInput:
        """The same tokens at other positions."""
        return replace(self, pos_q=pos, pos_k=pos)

    @property
    def weights(self) -> Float[Tensor, "b h q k"]:
        """Weights of attention, as `values` is given them."""
        scores = self.q @ self.k.mT / math.sqrt(self.q.shape[-1])
        return torch.softmax(scores.masked_fill(~self.mask, float("-inf")), -1)


def slot_input(bench: Bench, purpose: str = "", length: int = LENGTH) -> SlotInput:
    """Random tensors for `length` tokens at positions 0..length−1, which queries and keys share."""
    h, d = bench.sizes.heads, bench.sizes.head_width
    q, k, v = (draw(BATCH, h, length, d, purpose=f"{name} {purpose}") for name in "qkv")
    pos = torch.arange(length)
    mask = torch.ones(1, 1, length, length, dtype=torch.bool)
    return SlotInput(
        q=q,
        k=k,
        v=v,
        x=draw(BATCH, length, bench.sizes.width, purpose=f"x {purpose}"),
        pos_q=pos,
        pos_k=pos,
        mask=mask.tril() if bench.direction == "causal" else mask,
    )


def call(encoding: PositionalEncoding, slot: Slot, given: SlotInput) -> Any:
    """What a slot returns."""
    positions = given.pos_q, given.pos_k
    match slot:
        case "positions":
            return encoding.positions(len(given.pos_k), generator("conformance", "positions"))
        case "embed":
            return encoding.embed(given.x, given.pos_k)
        case "rotate":
            return encoding.rotate(given.q, given.k, *positions)
        case "bias":
            return encoding.bias(*positions, given.x if encoding.bias_reads_input else None)
        case "scores":
            scores = given.q @ given.k.mT / math.sqrt(given.q.shape[-1])
            return encoding.scores(scores, given.q, given.k, given.x, *positions, given.mask)
        case "values":
            weights = given.weights
            return encoding.values(weights @ given.v, weights, given.v, *positions)


def pair_scores(encoding: PositionalEncoding, given: SlotInput) -> Float[Tensor, "b h q k"]:
    """The scores after `rotate`, `bias` and `scores`; 0 where the mask hides a key."""
    q, k = call(encoding, "rotate", given) if "rotate" in encoding.slots else (given.q, given.k)
    s = q @ k.mT / math.sqrt(q.shape[-1])
    if "bias" in encoding.slots:
        s = s + call(encoding, "bias", given)
    if "scores" in encoding.slots:
        s = encoding.scores(s, q, k, given.x, given.pos_q, given.pos_k, given.mask)
    return s.masked_fill(~given.mask, 0)
