"""The contract of an attention mechanism: queries, keys, values, bound slots and a mask to an output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness.contracts.geometry import Geometry
from posharness.contracts.plugin import Direction, Named, Slot

__all__ = ["Attention", "BoundSlots"]


@dataclass(frozen=True, slots=True)
class BoundSlots:
    """What an encoding does inside one attention call, with positions and input already bound.

    A field is None where the encoding does not override that slot, so that an attention can take its
    fastest path. `rotate` has been applied to q and k before the attention is called.

    Attributes:
        bias: added to the scaled scores, (1 or b, h, q, k).
        scores: rewrites the scores (b, h, q, k), bias included, before masking.
        values: (out, weights) -> out; adds to the weighted sum of the values.
    """

    bias: Float[Tensor, "#b h q k"] | None = None
    scores: Callable[[Float[Tensor, "b h q k"]], Float[Tensor, "b h q k"]] | None = None
    values: (
        Callable[[Float[Tensor, "b h q d"], Float[Tensor, "b h q k"]], Float[Tensor, "b h q d"]] | None
    ) = None


class Attention(nn.Module, Named, ABC):
    """Maps queries, keys and values to an output. The projections around it belong to the body.

    The constructor takes the `Geometry` first; further parameters as for `PositionalEncoding`.

    Attributes:
        slots: the encoding slots that it honours. A cell whose encoding overrides another slot is skipped,
            and the report gives the reason.
        directions: the directions that it is defined for.
        has_weights: whether the output is a weighted sum of the values, so that its weights can be measured.
        supports_cross_attention: whether it works between two sequences, as between a decoder and its
            encoder: any number of queries and of keys, which share no order. It is then built with a
            bidirectional geometry whose length is that of the keys, and receives no slots.
        queries: which tokens of a sequence can be its queries in one call, where not all are needed: "any";
            "last" where they must be the last tokens of the keys, as for an attention that counts tokens;
            "all" where every key has its query.
        quadratic_memory: as for `PositionalEncoding`.
    """

    slots: frozenset[Slot] = frozenset({"positions", "embed"})
    directions: frozenset[Direction] = frozenset({"bidirectional", "causal"})
    has_weights: bool = True
    supports_cross_attention: bool = True
    queries: Literal["any", "last", "all"] = "any"
    quadratic_memory: bool = True

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry

    @abstractmethod
    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        """Compute the output of each query.

        Args:
            mask: True where a query may see a key; it combines causality and padding. None where every
                query sees every key. Every query sees at least one key.
            slots: what the encoding does; only the fields that this attention declares in `slots` are set.
        """
