"""Multi-head self-attention: the projections around an attention, and the binding of an encoding's slots."""

from __future__ import annotations

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.cell import ModelSettings
from posharness.contracts import Attention, BoundSlots, PositionalEncoding
from posharness.model.initial import initialise

__all__ = ["SelfAttention", "shared_bias"]


class SelfAttention(nn.Module):
    """out = W_o·attention(rotate(W_q x, W_k x), W_v x), with biases (1706.03762, section 3.2.2)."""

    def __init__(self, settings: ModelSettings, attention: Attention) -> None:
        super().__init__()
        self.heads = settings.heads
        self.project = nn.Linear(settings.width, 3 * settings.width)
        self.mix = nn.Linear(settings.width, settings.width)
        self.attention = attention
        initialise(self.project)
        initialise(self.mix, layers=settings.layers)

    def forward(
        self,
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        encoding: PositionalEncoding,
        bias: Float[Tensor, "1 h n n"] | None,
    ) -> Float[Tensor, "b n width"]:
        """Let every position read the others.

        Args:
            mask: True where a query may see a key; None where every query sees every key.
            bias: the encoding's bias where it is shared by all layers (see `shared_bias`).
        """
        parts = self.project(x).unflatten(-1, (3, self.heads, -1))  # b n 3 h d
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each b h n d
        if "rotate" in encoding.slots:
            q, k = encoding.rotate(q, k, pos, pos)
        out = self.attention(q, k, v, mask, _bind(encoding, q, k, v, x, pos, mask, bias))  # b h n d
        mixed: Tensor = self.mix(out.transpose(1, 2).flatten(2))  # b n width
        return mixed


def shared_bias(encoding: PositionalEncoding, pos: Shaped[Tensor, " n"]) -> Float[Tensor, "1 h n n"] | None:
    """The bias that all layers have in common, computed once for each forward pass; None if there is none."""
    if "bias" in encoding.slots and encoding.per == "model" and not encoding.bias_reads_input:
        return encoding.bias(pos, pos, None)
    return None


def _bind(
    encoding: PositionalEncoding,
    q: Float[Tensor, "b h n d"],
    k: Float[Tensor, "b h n d"],
    v: Float[Tensor, "b h n d"],
    x: Float[Tensor, "b n width"],
    pos: Shaped[Tensor, " n"],
    mask: Bool[Tensor, "#b 1 n n"] | None,
    bias: Float[Tensor, "1 h n n"] | None,
) -> BoundSlots:
    slots = encoding.slots

    def scores(s: Float[Tensor, "b h n n"]) -> Float[Tensor, "b h n n"]:
        return encoding.scores(s, q, k, x, pos, pos, mask)

    def values(out: Float[Tensor, "b h n d"], weights: Float[Tensor, "b h n n"]) -> Float[Tensor, "b h n d"]:
        return encoding.values(out, weights, v, pos, pos)

    if "bias" in slots and bias is None:
        bias = encoding.bias(pos, pos, x if encoding.bias_reads_input else None)
    return BoundSlots(
        bias=bias,
        scores=scores if "scores" in slots else None,
        values=values if "values" in slots else None,
    )
