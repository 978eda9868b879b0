"""Randomised positions: ids drawn from a longer range, so that training covers those of longer sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, Slot, UserError, by_name


class Randomised(PositionalEncoding):
    """`base` at the ids i_1 < … < i_n: n of 0..L_max−1, drawn without replacement and sorted.

    2305.16843, section 3. A sample is drawn for each training step and shared by the sequences of a batch;
    evaluation draws one as well. L_max is `longest`, by default 8 training lengths (the paper trains on up to
    40 tokens with 2048); longer sequences are impossible. `base` is built for training sequences of L_max
    tokens, because its ids reach that far: a learned table gets L_max rows, and an encoding that changes
    beyond its training length does not change.
    """

    name = "randomised"
    aliases = ("randomized",)
    summary = "Another encoding at sorted random positions from a longer range"
    paper = "arXiv:2305.16843"

    def __init__(
        self,
        geometry: Geometry,
        *,
        base: PositionalEncoding = by_name("absolute"),
        longest: int | None = None,
    ) -> None:
        super().__init__(geometry)
        self.longest = _longest(geometry, longest)
        if "positions" in base.slots:
            raise Incompatible(f"{base.name} chooses the positions itself, so they cannot be randomised.")
        if base.max_length is not None and base.max_length < self.longest:
            raise Incompatible(
                f"randomised draws positions below {self.longest}, and {base.name} is defined for "
                f"{base.max_length} only: give longest={base.max_length} or less."
            )
        self.base = base
        self.declare_like(base)
        self.max_length = self.longest
        self.per = base.per
        self.bias_reads_input = base.bias_reads_input
        # No two ids lie farther apart than these: what does not act on them never acts here.
        ends = torch.tensor([0, self.longest - 1])
        self._base_slots = base.slots_at(ends, ends)

    @classmethod
    def nested_geometry(cls, geometry: Geometry, params: Mapping[str, Any]) -> Geometry:
        return replace(geometry, length=_longest(geometry, params.get("longest")))

    @property
    def slots(self) -> frozenset[Slot]:
        return self._base_slots | {"positions"}

    def slots_at(self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]) -> frozenset[Slot]:
        return self.base.slots_at(pos_q, pos_k) | {"positions"}

    def positions(self, length: int, generator: torch.Generator) -> Int[Tensor, " n"]:
        if length > self.longest:
            raise ValueError(f"{length} different positions cannot be drawn from {self.longest}")
        return torch.randperm(self.longest, generator=generator)[:length].sort().values

    def embed(self, x: Float[Tensor, "b n width"], pos: Shaped[Tensor, " n"]) -> Float[Tensor, "b n width"]:
        return self.base.embed(x, pos)

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        return self.base.rotate(q, k, pos_q, pos_k)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "#b h q k"]:
        return self.base.bias(pos_q, pos_k, x)

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
        return self.base.scores(s, q, k, x, pos_q, pos_k, mask)

    def values(
        self,
        out: Float[Tensor, "b h q d"],
        weights: Float[Tensor, "b h q k"],
        v: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> Float[Tensor, "b h q d"]:
        return self.base.values(out, weights, v, pos_q, pos_k)


def _longest(geometry: Geometry, given: int | None) -> int:
    """L_max, which must leave room for a training sequence."""
    longest = 8 * geometry.length if given is None else given
    if longest < geometry.length:
        raise UserError(
            f"randomised[longest={longest}] has too few positions for training sequences of "
            f"{geometry.length} tokens: give a longest of {geometry.length} or more."
        )
    return longest
