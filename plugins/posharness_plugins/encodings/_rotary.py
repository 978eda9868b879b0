"""Shared by the rotary encodings: rotation of pairs of components."""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, UserError


class Rotary(PositionalEncoding):
    """An encoding that rotates pairs of components of queries and keys.

    Attributes:
        frequencies: θ_c = base^(−2c/d) for the pairs c = 0..d/2−1 of a head of width d.
    """

    per = "model"
    family = "relative"
    shift_invariant = True
    frequencies: Tensor

    def __init__(self, geometry: Geometry, *, base: float = 10000.0) -> None:
        super().__init__(geometry)
        d = geometry.head_width
        if d % 2:
            raise Incompatible(
                f"{self.name} rotates pairs of components, so the width of a head must be even; got {d}."
            )
        self.register_buffer("frequencies", geometric(base, d, owner=self.name), persistent=False)


def geometric(base: float, width: int, *, owner: str) -> Float[Tensor, " c"]:
    """θ_c = base^(−2c/width) for c = 0..width/2−1.

    Raises:
        UserError: the base is 1 or less; `owner` is the encoding that it was given to.
    """
    if base <= 1:
        raise UserError(f"{owner}[base={base:g}]: base must be above 1.")
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    return (base**-exponents).float()


def phasors(
    pos: Shaped[Tensor, " n"],
    frequencies: Float[Tensor, " c"],
    size: Float[Tensor, "#n #c"] | None = None,
) -> Complex[Tensor, "n c"]:
    """size·e^(i·pos·θ_c): the factor of each pair of components at each position.

    Args:
        size: None for 1.
    """
    angles = pos.float()[:, None] * frequencies.float()  # n c
    sizes = torch.ones_like(angles) if size is None else size.float().expand_as(angles)
    return torch.polar(sizes, angles)


def rotate_pairs(x: Float[Tensor, "b h n d"], by: Complex[Tensor, "n c"]) -> Float[Tensor, "b h n d"]:
    """Multiply x_2c + i·x_(2c+1) by `by`[:, c]; components past the last pair stay as they are.

    As complex numbers, because that is three times as fast on a CPU as sines and cosines on halves.
    """
    c = by.shape[-1]
    turning, staying = x[..., : 2 * c], x[..., 2 * c :]
    exact = turning.to(torch.promote_types(x.dtype, torch.float32))
    pairs = torch.view_as_complex(exact.reshape(*x.shape[:-1], c, 2))  # b h n c
    turned = torch.view_as_real(pairs * by).flatten(-2).to(x.dtype)
    return torch.cat([turned, staying], -1) if staying.shape[-1] else turned


def rotate_both(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    pos_q: Shaped[Tensor, " q"],
    pos_k: Shaped[Tensor, " k"],
    frequencies: Float[Tensor, " c"],
    size: Float[Tensor, "1 1"] | None = None,
) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
    """Queries and keys, turned by their positions and both multiplied by `size`."""
    by_q = phasors(pos_q, frequencies, size)
    by_k = by_q if pos_k is pos_q else phasors(pos_k, frequencies, size)
    return rotate_pairs(q, by_q), rotate_pairs(k, by_k)


def ends(
    pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]
) -> tuple[Shaped[Tensor, ""], Shaped[Tensor, ""]]:
    """The first and the last position of queries and keys together."""
    first, last = pos_k.aminmax()
    if pos_q is pos_k:
        return first, last
    return torch.minimum(first, pos_q.min()), torch.maximum(last, pos_q.max())
