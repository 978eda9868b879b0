"""One layer of a body: self-attention, then a feed-forward network, each on a residual stream."""

from __future__ import annotations

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.cell import ModelSettings
from posharness.contracts import PositionalEncoding
from posharness.model.attention import SelfAttention
from posharness.model.initial import initialise

__all__ = ["Block", "FeedForward"]


class FeedForward(nn.Module):
    """W_2·GELU(W_1 x), as wide inside as `feedforward` times the model's width."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        inner = settings.feedforward * settings.width
        self.widen = nn.Linear(settings.width, inner)
        self.gelu = nn.GELU()
        self.narrow = nn.Linear(inner, settings.width)
        initialise(self.widen)
        initialise(self.narrow, layers=settings.layers)

    def forward(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        out: Tensor = self.narrow(self.gelu(self.widen(x)))  # b n inner inside
        return out


class Block(nn.Module):
    """x += f(norm(x)) for each sub-layer f where `norm` is "pre", x = norm(x + f(x)) where it is "post"."""

    def __init__(self, settings: ModelSettings, attention: SelfAttention, feedforward: FeedForward) -> None:
        super().__init__()
        self.post = settings.norm == "post"
        self.attention = attention
        self.attention_norm = nn.LayerNorm(settings.width)
        self.feedforward = feedforward
        self.feedforward_norm = nn.LayerNorm(settings.width)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self,
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        encoding: PositionalEncoding,
        bias: Float[Tensor, "1 h n n"] | None,
    ) -> Float[Tensor, "b n width"]:
        """One layer; the arguments are those of `SelfAttention`."""
        if self.post:
            x = self.attention_norm(x + self.drop(self.attention(x, pos, mask, encoding, bias)))
            x = self.feedforward_norm(x + self.drop(self.feedforward(x)))
        else:
            x = x + self.drop(self.attention(self.attention_norm(x), pos, mask, encoding, bias))
            x = x + self.drop(self.feedforward(self.feedforward_norm(x)))
        return x
