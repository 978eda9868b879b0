"""Attention with linear biases: a penalty on distance, with a slope for each head."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding
from posharness_plugins.encodings._by_distance import bias_by_distance


def slopes(heads: int) -> list[float]:
    """m_h = 2^(−8h/H) for h = 1..H.

    If H is not a power of two, the slopes are those of the next lower power and, for the rest, every other
    slope of the next higher one, as in the paper's code.
    """
    power = 1 << (heads.bit_length() - 1)
    first = [2.0 ** (-8 * h / power) for h in range(1, power + 1)]
    return first + [2.0 ** (-4 * h / power) for h in range(1, 2 * (heads - power), 2)]


class Alibi(PositionalEncoding):
    """s_ij += −m_h·|i − j|, with fixed slopes m_h = 2^(−8h/H) (2108.12409, section 3).

    The paper defines only the causal form. `form` is one of

    - causal: −m_h·(i − j), for j ≤ i. Only in causal bodies, because it would reward keys after the query.
    - symmetric: −m_h·|i − j|. Only in bidirectional bodies (in a causal one it equals the causal form). It
      cannot distinguish left from right.
    - signed (not from the paper): −m_h·(i − j) to the left, −m_(H+1−h)·(j − i) to the right: the head with
      the gentlest slope on one side has the steepest on the other. Only in bidirectional bodies with two
      heads or more.
    - auto: causal in causal bodies, symmetric in bidirectional ones.
    """

    name = "alibi"
    summary = "A linear penalty on distance, with a fixed slope for each head (ALiBi)"
    paper = "arXiv:2108.12409"
    family = "relative"
    per = "model"
    shift_invariant = True

    def __init__(
        self, geometry: Geometry, *, form: Literal["auto", "causal", "symmetric", "signed"] = "auto"
    ) -> None:
        super().__init__(geometry)
        causal = geometry.direction == "causal"
        if form == "causal" and not causal:
            raise Incompatible(
                "alibi[form=causal] rewards keys after the query, which a bidirectional body sees: "
                "use form=symmetric or form=signed."
            )
        if form in ("symmetric", "signed") and causal:
            raise Incompatible(
                f"alibi[form={form}] is the causal form in a causal body, which sees no key to the right: "
                "use form=auto."
            )
        if form == "signed" and geometry.heads < 2:
            raise Incompatible("alibi[form=signed] needs two heads or more to distinguish left from right.")
        left = torch.tensor(slopes(geometry.heads))
        self.left: Tensor
        self.right: Tensor
        self.register_buffer("left", left, persistent=False)
        self.register_buffer("right", left.flip(0) if form == "signed" else left, persistent=False)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        return bias_by_distance(self._of, pos_q, pos_k)

    def _of(self, distances: Shaped[Tensor, " n"]) -> Float[Tensor, "h n"]:
        distance = distances.float()
        return self.left[:, None] * distance.clamp(max=0) - self.right[:, None] * distance.clamp(min=0)
