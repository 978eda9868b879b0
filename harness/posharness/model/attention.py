"""Multi-head attention, within a sequence and across two: the projections, and the binding of slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn.functional import linear

from posharness.contracts import Attention, BoundSlots, PositionalEncoding, Slot
from posharness.contracts.cell import ModelSettings
from posharness.model.initial import initialise
from posharness.model.masks import unpadded
from posharness.model.queries import Queries

__all__ = ["CrossAttention", "Memory", "SelfAttention", "shared_biases"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The input of cross-attention: the states of the encoder.

    Attributes:
        hidden: the encoder's hidden states, (b, m, width).
        padding: True on padding, which no query sees; None without padding.
    """

    hidden: Float[Tensor, "b m width"]
    padding: Bool[Tensor, "b m"] | None

    def mask_for(self, queries: int) -> Bool[Tensor, "b 1 q m"] | None:
        """True where a query may see a state; None where every query sees every state."""
        return unpadded(queries, self.padding)


class _MultiHead(nn.Module):
    """out = W_o·attention(W_q x, W_k y, W_v y), with biases (1706.03762, section 3.2.2)."""

    def __init__(self, settings: ModelSettings, attention: Attention) -> None:
        super().__init__()
        self.heads = settings.heads
        self.qkv = nn.Linear(settings.width, 3 * settings.width)  # W_q, W_k and W_v
        self.out_proj = nn.Linear(settings.width, settings.width)
        self.attention = attention
        initialise(self.qkv, settings)
        initialise(self.out_proj, settings, residual=True)

    def _apart(
        self, x: Float[Tensor, "b q width"], y: Float[Tensor, "b k width"]
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"], Float[Tensor, "b h k d"]]:
        """The queries of x, and the keys and values of y."""
        width = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        queries = linear(x, weight[:width], bias[:width])  # b q width
        keys_values = linear(y, weight[width:], bias[width:])  # b k 2*width
        q = queries.reshape(*queries.shape[:2], self.heads, -1).transpose(1, 2)  # b h q d
        parts = keys_values.reshape(*keys_values.shape[:2], 2, self.heads, -1)  # b k 2 h d
        k, v = parts.permute(2, 0, 3, 1, 4)
        return q, k, v


class SelfAttention(_MultiHead):
    """Attention within a sequence (y = x), with the slots of the encoding."""

    def forward(
        self,
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        encoding: PositionalEncoding,
        queries: Queries,
        biases: Sequence[Float[Tensor, "1 h _ _"]] | None = None,
    ) -> Float[Tensor, "b m width"]:
        """Compute the attention of positions to each other.

        Args:
            mask: True where a query may see a key; None where every query sees every key.
            queries: the positions whose attention is computed, and those whose output is.
            biases: the encoding's bias for each piece of the queries, where all layers share it
                (see `shared_biases`).
        """
        q, k, v = self.heads_of(x, queries.at)
        pos_q = pos
        if queries.at is not None:
            pos_q = pos[queries.at]
            mask = None if mask is None else mask.index_select(-2, queries.at)
        if "rotate" in encoding.slots:
            q, k = encoding.rotate(q, k, pos_q, pos)
        outs = []
        for index, piece in enumerate(queries.pieces):
            some, keys = piece.queries, piece.keys
            part = (q[:, :, some], k[:, :, :keys], v[:, :, :keys])
            part_mask = None if mask is None else mask[..., some, :keys]
            bias = None if biases is None else biases[index]
            slots = self.bind(encoding, *part, x[:, :keys], pos_q[some], pos[:keys], part_mask, bias)
            outs.append(self.attention(*part, part_mask, slots))
        out = outs[0] if len(outs) == 1 else torch.cat(outs, 2)  # b h q d
        y: Tensor = self.out_proj(queries.outputs(out.transpose(1, 2).flatten(2)))
        return y

    def heads_of(
        self, x: Float[Tensor, "b n width"], at: Int[Tensor, " q"] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The queries, keys and values of all heads, each (b, h, n, d).

        Args:
            at: the positions that have a query; None for all.
        """
        if at is None:
            parts: Tensor = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # b n 3 h d
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            return q, k, v
        return self._apart(x.index_select(1, at), x)

    @staticmethod
    def bind(
        encoding: PositionalEncoding,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        x: Float[Tensor, "b k width"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        bias: Float[Tensor, "1 h q k"] | None = None,
    ) -> BoundSlots:
        """The slots of the encoding, bound to these queries, keys and values."""
        slots = encoding.slots_at(pos_q, pos_k)

        def scores(s: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
            return _shaped(encoding, "scores", encoding.scores(s, q, k, x, pos_q, pos_k, mask), s.shape)

        def values(
            out: Float[Tensor, "b h q d"], weights: Float[Tensor, "b h q k"]
        ) -> Float[Tensor, "b h q d"]:
            return _shaped(encoding, "values", encoding.values(out, weights, v, pos_q, pos_k), out.shape)

        if "bias" in slots and bias is None:
            bias = encoding.bias(pos_q, pos_k, x if encoding.bias_reads_input else None)
        if bias is not None:
            b = 1 if len(bias) == 1 else len(q)
            _shaped(encoding, "bias", bias, torch.Size((b, *q.shape[1:3], k.shape[2])))
        return BoundSlots(
            bias=bias,
            scores=scores if "scores" in slots else None,
            values=values if "values" in slots else None,
        )


class CrossAttention(_MultiHead):
    """Attention from a decoder's states x to an encoder's y.

    It uses no slot of an encoding, as in 1706.03762: between two sequences there is no distance.
    """

    def forward(self, x: Float[Tensor, "b n width"], memory: Memory) -> Float[Tensor, "b n width"]:
        """Compute the attention of every position of the decoder to the memory."""
        q, k, v = self._apart(x, memory.hidden)
        out = self.attention(q, k, v, memory.mask_for(x.shape[1]), BoundSlots())
        y: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return y


def _shaped(encoding: PositionalEncoding, slot: Slot, returned: Tensor, due: torch.Size) -> Tensor:
    """What a slot returns, of the shape that it is due: another would be broadcast, or read beyond its end.

    Raises:
        ValueError: it has another shape.
    """
    if returned.shape != due:
        raise ValueError(
            f"{slot} of {encoding.name} returns shape {tuple(returned.shape)}: expected {tuple(due)}; "
            f"`harness check {encoding.name}` examines it"
        )
    return returned


def shared_biases(
    encoding: PositionalEncoding, pos: Shaped[Tensor, " n"], queries: Queries
) -> list[Float[Tensor, "1 h _ _"]] | None:
    """The biases that all layers share, one for each piece of the queries; None where they share none.

    They are computed once for each forward pass.
    """
    if "bias" in encoding.slots and encoding.per == "model" and not encoding.bias_reads_input:
        pos_q = pos if queries.at is None else pos[queries.at]
        return [encoding.bias(pos_q[p.queries], pos[: p.keys], None) for p in queries.pieces]
    return None
