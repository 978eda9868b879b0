"""Multi-head attention, within a sequence and across two: the projections, and the binding of slots."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import linear

from posharness.contracts import Attention, BoundSlots, PositionalEncoding
from posharness.contracts.cell import ModelSettings
from posharness.model.initial import initialise

__all__ = ["CrossAttention", "Memory", "SelfAttention", "shared_bias"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The input of cross-attention: the states of the encoder.

    Attributes:
        hidden: the encoder's hidden states, (b, m, width).
        mask: True where a query of the decoder may see a state; None where every query sees every state.
    """

    hidden: Float[Tensor, "b m width"]
    mask: Bool[Tensor, "b 1 n m"] | None


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

    def _output(self, out: Float[Tensor, "b h n d"]) -> Float[Tensor, "b n width"]:
        y: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return y


class SelfAttention(_MultiHead):
    """Attention within a sequence (y = x), with the slots of the encoding."""

    def forward(
        self,
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        encoding: PositionalEncoding,
        bias: Float[Tensor, "1 h n n"] | None,
    ) -> Float[Tensor, "b n width"]:
        """Compute the attention of every position to the others.

        Args:
            mask: True where a query may see a key; None where every query sees every key.
            bias: the encoding's bias where it is shared by all layers (see `shared_bias`).
        """
        q, k, v = self.heads_of(x)
        if "rotate" in encoding.slots:
            q, k = encoding.rotate(q, k, pos, pos)
        return self._output(self.attention(q, k, v, mask, self.bind(encoding, q, k, v, x, pos, mask, bias)))

    def heads_of(self, x: Float[Tensor, "b n width"]) -> tuple[Tensor, Tensor, Tensor]:
        """The queries, keys and values of all heads, each (b, h, n, d)."""
        parts: Tensor = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # b n 3 h d
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        return q, k, v

    @staticmethod
    def bind(
        encoding: PositionalEncoding,
        q: Float[Tensor, "b h n d"],
        k: Float[Tensor, "b h n d"],
        v: Float[Tensor, "b h n d"],
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        bias: Float[Tensor, "1 h n n"] | None,
    ) -> BoundSlots:
        """The slots of the encoding, bound to these queries, keys and values."""
        slots = encoding.slots

        def scores(s: Float[Tensor, "b h n n"]) -> Float[Tensor, "b h n n"]:
            return encoding.scores(s, q, k, x, pos, pos, mask)

        def values(
            out: Float[Tensor, "b h n d"], weights: Float[Tensor, "b h n n"]
        ) -> Float[Tensor, "b h n d"]:
            return encoding.values(out, weights, v, pos, pos)

        if "bias" in slots and bias is None:
            bias = encoding.bias(pos, pos, x if encoding.bias_reads_input else None)
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
        width = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        queries = linear(x, weight[:width], bias[:width])  # b n width
        keys_values = linear(memory.hidden, weight[width:], bias[width:])  # b m 2*width
        q = queries.reshape(*queries.shape[:2], self.heads, -1).transpose(1, 2)  # b h n d
        parts = keys_values.reshape(*keys_values.shape[:2], 2, self.heads, -1)  # b m 2 h d
        k, v = parts.permute(2, 0, 3, 1, 4)  # each b h m d
        return self._output(self.attention(q, k, v, memory.mask, BoundSlots()))


def shared_bias(encoding: PositionalEncoding, pos: Shaped[Tensor, " n"]) -> Float[Tensor, "1 h n n"] | None:
    """The bias that all layers share, computed once for each forward pass; None where they share none."""
    if "bias" in encoding.slots and encoding.per == "model" and not encoding.bias_reads_input:
        return encoding.bias(pos, pos, None)
    return None
