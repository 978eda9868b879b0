"""One layer of a body: self-attention, cross-attention in a decoder with an encoder, and feed-forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.contracts import PositionalEncoding
from posharness.contracts.cell import ModelSettings
from posharness.model.attention import CrossAttention, Memory, SelfAttention
from posharness.model.initial import initialise
from posharness.model.norm import layer_norm
from posharness.model.queries import Queries

__all__ = ["Block", "FeedForward"]


class FeedForward(nn.Module):
    """W_2·GELU(W_1 x), with an inner width of `feedforward` times the model's width."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        inner = settings.feedforward * settings.width
        self.up = nn.Linear(settings.width, inner)
        self.gelu = nn.GELU()
        self.down = nn.Linear(inner, settings.width)
        initialise(self.up, settings)
        initialise(self.down, settings, residual=True)

    def forward(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        out: Tensor = self.down(self.gelu(self.up(x)))  # b n inner inside
        return out


class Block(nn.Module):
    """x += f(norm(x)) for each sub-layer f where `norm` is "pre", x = norm(x + f(x)) where it is "post".

    Args:
        cross: cross-attention, between the two other sub-layers; None in a body of one stack.
    """

    def __init__(
        self,
        settings: ModelSettings,
        attention: SelfAttention,
        feedforward: FeedForward,
        cross: CrossAttention | None = None,
    ) -> None:
        super().__init__()
        self.post = settings.norm == "post"
        self.attention = attention
        self.attention_norm = layer_norm(settings)
        self.cross = cross
        if cross is not None:
            self.cross_norm = layer_norm(settings)
        self.feedforward = feedforward
        self.feedforward_norm = layer_norm(settings)
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self,
        x: Float[Tensor, "b n width"],
        pos: Shaped[Tensor, " n"],
        mask: Bool[Tensor, "#b 1 n n"] | None,
        encoding: PositionalEncoding,
        queries: Queries,
        biases: Sequence[Float[Tensor, "1 h _ _"]] | None = None,
        memory: Memory | None = None,
    ) -> Float[Tensor, "b m width"]:
        """Apply the layer. `memory` is for `CrossAttention`, the other arguments are for `SelfAttention`."""
        x = self._add(
            x,
            self.attention_norm,
            lambda y: self.attention(y, pos, mask, encoding, queries, biases),
            queries.states,
        )
        cross = self.cross
        if cross is not None:
            assert memory is not None
            x = self._add(x, self.cross_norm, lambda y: cross(y, memory))
        return self._add(x, self.feedforward_norm, self.feedforward)

    def _add(
        self,
        x: Float[Tensor, "b n width"],
        norm: nn.LayerNorm,
        sublayer: Callable[[Tensor], Tensor],
        kept: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> Float[Tensor, "b m width"]:
        """The sub-layer around x; `kept` are the states of x to which it has an output."""
        if self.post:
            normed: Tensor = norm(kept(x) + self.drop(sublayer(x)))
            return normed
        added: Tensor = kept(x) + self.drop(sublayer(norm(x)))
        return added
