"""KERPLE: learned kernels of distance, with parameters for each head."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding
from posharness_plugins.encodings._by_distance import bias_by_distance

SMALLEST = 0.01


class Kerple(PositionalEncoding):
    """s_ij −= r1·log(1 + r2·|i − j|), or with `form=power` s_ij −= r1·|i − j|^r2.

    2205.09921, the logarithmic (r1, r2 > 0) and the power variant (r1 > 0, 0 < r2 ≤ 2); each layer and head
    has its own r1 and r2. As in the authors' code, these are the parameters themselves, not their logarithms,
    bounded to at least 0.01 (and r2 to at most 2 in the power form), and initially uniform: in [0, 2) and [0,
    1) for the log form, in [0, 1) and [0, 2) for the power form. That code clips the parameters in place in
    each forward pass; here only the value is clipped and the gradient passes, so that a parameter beyond its
    bound can return. `trained=False` keeps r1 and r2 as they start.

    Symmetric: in a bidirectional body it cannot distinguish left from right.
    """

    name = "kerple"
    summary = "A learned logarithmic or power-law penalty on distance (KERPLE)"
    paper = "arXiv:2205.09921"
    family = "relative"
    shift_invariant = True

    def __init__(
        self, geometry: Geometry, *, form: Literal["log", "power"] = "log", trained: bool = True
    ) -> None:
        super().__init__(geometry)
        self.form = form
        first, second = (2.0, 1.0) if form == "log" else (1.0, 2.0)
        self.r1 = nn.Parameter(first * torch.rand(geometry.heads, 1, 1))
        self.r2 = nn.Parameter(second * torch.rand(geometry.heads, 1, 1))
        self.requires_grad_(trained)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        return bias_by_distance(self._of, pos_q, pos_k)

    def _of(self, distances: Shaped[Tensor, " n"]) -> Float[Tensor, "h n"]:
        distance = distances.abs().float()
        largest = None if self.form == "log" else 2.0
        r1, r2 = within(self.r1, None).flatten(1), within(self.r2, largest).flatten(1)  # each h 1
        return -r1 * (torch.log1p(r2 * distance) if self.form == "log" else distance**r2)


def within(r: Float[Tensor, "h 1 1"], largest: float | None) -> Float[Tensor, "h 1 1"]:
    """r, clipped to its bounds, with the gradient of r itself."""
    return r + (r.clamp(SMALLEST, largest) - r).detach()
