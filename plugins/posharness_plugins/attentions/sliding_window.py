"""Dot-product attention within a window of neighbouring tokens."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, arange

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry, UserError
from posharness_plugins.attentions._dot_product import dot_product
from posharness_plugins.attentions._order import own_key


class SlidingWindow(Attention):
    """Softmax attention in which query i sees key j only if |i − j| < `window`.

    Longformer, 2004.05150, section 3.1; in causal bodies the window is i − window < j ≤ i, as in Mistral
    (2310.06825, section 2). The window counts the token itself and those on one side, so a layer reaches
    window − 1 tokens in either direction; Longformer's w is 2·(window − 1).

    Distance is between indices, not between positions: the window decides which tokens are read at all, and
    keeps its width when an encoding stretches or draws positions. Queries are the last tokens of the sequence
    of keys; between two sequences a window is not defined. Every pair is computed and then hidden, so memory
    is that of softmax attention: the plugin is there to measure reach.

    Honours every slot.
    """

    name = "sliding_window"
    aliases = ("local", "window")
    summary = "Scaled dot-product attention to the nearest tokens only"
    paper = "arXiv:2004.05150"
    slots = frozenset(SLOTS)
    supports_cross_attention = False
    queries = "last"

    def __init__(self, geometry: Geometry, *, window: int = 16) -> None:
        super().__init__(geometry)
        if window < 1:
            raise UserError(f"sliding_window[window={window}]: window must be 1 or more.")
        self.window = window

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        keys = k.shape[2]
        distance = (own_key(q.shape[2], keys, k.device) - arange(keys, device=k.device)).abs()  # q k
        near = (distance < self.window)[None, None]  # 1 1 q k
        if mask is not None:
            # Padding far from every real token would see no key at all: it sees itself.
            near = near & mask | (distance == 0)
        return dot_product(q, k, v, near, slots, scale=q.shape[-1] ** -0.5)
