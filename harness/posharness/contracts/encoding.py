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
    """A way of telling a transformer about position. Override the slots that it acts on.

    The constructor takes the `Geometry` first; every further parameter is keyword-only, annotated and
    has a default, and becomes an option of the plugin (`name[param=value]`). A parameter annotated
    `PositionalEncoding` takes the name of another encoding and receives an instance of it, built for
    what `nested_geometry` returns; its default is written `by_name("rope")`.
    Raise `posharness.contracts.Incompatible` for a geometry that cannot work.

    The harness calls each slot with position ids, never with the promise that they are 0..n-1. Axes:
    b batch, h heads, q query position, k key position, d head width; `x` is the layer's input
    (b, k, width), normalised where the body is pre-LayerNorm.

    Attributes:
        directions: where the encoding is defined.
        per: "model" for one instance shared by all layers, "layer" for one each. `positions` and
            `embed` are called once for each forward pass, on the first layer's instance.
        shift_invariant: whether attention depends on differences of position only.
        bias_reads_input: whether `bias` reads `x`. If not, `x` is None there, and the bias of an
            encoding shared by all layers is computed once for each forward pass.
        max_length: the longest sequence the encoding is defined for; None for no limit. Evaluation
            beyond it is reported as "undefined".
        order_aware: whether a bidirectional body can tell the order of tokens by it.
        quadratic_memory: whether no tensor that it makes grows faster than the scores themselves,
            O(h·q·k) for each sequence; False for a method that needs more.
    """

    directions: frozenset[Direction] = frozenset({"bidirectional", "causal"})
    per: Literal["model", "layer"] = "layer"
    shift_invariant: bool = False
    bias_reads_input: bool = False
    max_length: int | None = None
    order_aware: bool = True
    quadratic_memory: bool = True

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry

    def declare_like(self, base: PositionalEncoding) -> None:
        """Declare of itself what another encoding declares: for one that wraps it.

        `per` and `bias_reads_input` are left alone: they say how the instance itself is called.
        """
        self.directions = base.directions
        self.shift_invariant = base.shift_invariant
        self.max_length = base.max_length
        self.order_aware = base.order_aware
        self.quadratic_memory = base.quadratic_memory

    @classmethod
    def nested_geometry(cls, geometry: Geometry, params: Mapping[str, Any]) -> Geometry:
        """The geometry that encodings among this one's parameters are built for; by default its own.

        Override it where they will meet other positions than their own would be, for example ids from
        a longer range.

        Args:
            params: this encoding's other parameters, by name.
        """
        return geometry

    @property
    def slots(self) -> frozenset[Slot]:
        """The slots this encoding acts on: by default, those that its class overrides."""
        return frozenset(
            slot for slot in SLOTS if getattr(type(self), slot) is not getattr(PositionalEncoding, slot)
        )

    def positions(self, length: int, generator: torch.Generator) -> Shaped[Tensor, " n"]:
        """Which position each token claims: ids of shape (n,), ascending, integer or float.

        Args:
            length: number of tokens n.
            generator: the only source of randomness; fresh for each step, fixed in evaluation.
        """
        return torch.arange(length)

    def embed(self, x: Float[Tensor, "b n width"], pos: Shaped[Tensor, " n"]) -> Float[Tensor, "b n width"]:
        """Add to the token embeddings."""
        return x

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        """Act on queries and keys before they meet."""
        return q, k

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "#b h q k"]:
        """Add to the scores q·k/√d: shape (1, h, q, k), or (b, h, q, k) when it reads `x`."""
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
        """Rewrite the scores with content in sight.

        Args:
            s: q·k/√d after `rotate`, with `bias` added; not yet masked.
            mask: True where a query may see a key; None where it sees every key. The harness masks
                the result, so a slot needs it only where a score depends on other keys' scores.
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
        """Add to the mix of values `out` = weights·v."""
        return out
