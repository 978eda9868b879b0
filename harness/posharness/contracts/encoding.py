"""The contract of a positional encoding: six optional slots, and what the encoding declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.contracts.geometry import Geometry
from posharness.contracts.plugin import Direction, Named, Slot

__all__ = ["SLOTS", "PositionalEncoding", "by_name"]

SLOTS: tuple[Slot, ...] = ("positions", "embed", "rotate", "bias", "scores", "values")


def by_name(name: str) -> Any:
    """The default of a parameter annotated `PositionalEncoding`: another encoding, by its name."""
    return name


class PositionalEncoding(nn.Module, Named):
    """Gives a transformer information about position. A subclass overrides the slots that it needs.

    The constructor takes the `Geometry` first; every further parameter is keyword-only, annotated and
    has a default, and becomes an option of the plugin (`name[param=value]`). A parameter annotated
    `PositionalEncoding` takes the name of another encoding and receives an instance of it, built for
    what `nested_geometry` returns; its default is written `by_name("rope")`.
    Raise `posharness.contracts.Incompatible` for a geometry that cannot work.

    The harness calls each slot with position ids; they need not be 0..n-1. Axes: b batch, h heads,
    q query position, k key position, d head width. `x` is the layer's input (b, k, width), normalised
    where the body is pre-LayerNorm.

    Attributes:
        family: what claims compare: "relative" if attention depends on the distance of query and key,
            "absolute" if each position has a representation of its own, any other name for a family of your
            own, or empty.
        directions: the directions that the encoding is defined for.
        per: "model" for one instance that all layers share, "layer" for one instance in each layer.
            `positions` and `embed` are called once for each forward pass, on the first layer's instance.
        shift_invariant: whether attention depends only on differences of position.
        bias_reads_input: whether `bias` reads `x`. If False, `bias` receives None for `x`, and the bias
            of an encoding shared by all layers is computed once for each forward pass.
        max_length: the longest sequence that the encoding is defined for; None for no limit. Longer
            evaluation lengths are reported as "undefined".
        order_aware: whether the output of a bidirectional body depends on the order of the tokens.
        in_pieces: whether the scores of some queries cost less than those of all, so that causal attention
            can be computed a piece of the queries at a time.
        quadratic_memory: True where memory for each sequence is O(h·q·k), as for the scores; False for a
            method that needs more.
    """

    family: str = ""
    directions: frozenset[Direction] = frozenset({"bidirectional", "causal"})
    per: Literal["model", "layer"] = "layer"
    shift_invariant: bool = False
    bias_reads_input: bool = False
    max_length: int | None = None
    order_aware: bool = True
    in_pieces: bool = True
    quadratic_memory: bool = True

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry

    def declare_like(self, base: PositionalEncoding) -> None:
        """Copy the declarations of another encoding, for an encoding that wraps it.

        `per` and `bias_reads_input` stay, since they say how the harness calls this instance.
        """
        self.family = base.family
        self.directions = base.directions
        self.shift_invariant = base.shift_invariant
        self.max_length = base.max_length
        self.order_aware = base.order_aware
        self.in_pieces = base.in_pieces
        self.quadratic_memory = base.quadratic_memory

    @classmethod
    def nested_geometry(cls, geometry: Geometry, params: Mapping[str, Any]) -> Geometry:
        """The geometry for the encodings among this one's parameters; by default the same geometry.

        Override it if the inner encoding will receive other positions, for example ids from a longer range.

        Args:
            geometry: the geometry of this encoding.
            params: this encoding's other parameters, by name.
        """
        return geometry

    @property
    def slots(self) -> frozenset[Slot]:
        """The slots that this encoding uses: by default, those that its class overrides."""
        return frozenset(
            slot for slot in SLOTS if getattr(type(self), slot) is not getattr(PositionalEncoding, slot)
        )

    def slots_at(self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]) -> frozenset[Slot]:
        """The slots that change something at these positions: all of them, unless overridden.

        An encoding whose `scores` or `values` leave short sequences alone can leave the slot out there, and
        attention takes its fused path. All sequences of a batch and all layers must agree.
        """
        return self.slots

    def positions(self, length: int, generator: torch.Generator) -> Shaped[Tensor, " n"]:
        """Assign a position to each token: ids of shape (n,), ascending, integer or float.

        Args:
            length: number of tokens n.
            generator: the only source of randomness; fresh for each step, fixed in evaluation.
        """
        return torch.arange(length)

    def embed(self, x: Float[Tensor, "b n width"], pos: Shaped[Tensor, " n"]) -> Float[Tensor, "b n width"]:
        """Add positions to the token embeddings."""
        return x

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        """Transform queries and keys before their dot product."""
        return q, k

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "#b h q k"]:
        """Return what is added to the scores q·k/√d: (1, h, q, k), or (b, h, q, k) if it depends on `x`."""
        return torch.zeros(1, self.geometry.heads, len(pos_q), len(pos_k), device=pos_q.device)

    def scores(
        self,
        s: Float[Tensor, "b h q k"],
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        x: Float[Tensor, "b k width"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
    ) -> Float[Tensor, "b h q k"]:
        """Rewrite the scores, with access to queries, keys and the layer's input.

        Args:
            s: q·k/√d after `rotate`, with `bias` added; not yet masked.
            mask: True where a query may see a key; None where every query sees every key. The harness masks
                the result, so only a score that depends on the scores of other keys needs the mask.
        """
        return s

    def values(
        self,
        out: Float[Tensor, "b h q d"],
        weights: Float[Tensor, "b h q k"],
        v: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> Float[Tensor, "b h q d"]:
        """Add to the weighted sum of the values, `out` = weights·v."""
        return out
