"""Sinusoidal absolute positions, added to the embeddings."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding


class Absolute(PositionalEncoding):
    """x_i += σ·α·PE(i), with PE(i)_2c = sin(i·10000^(−2c/d)) and PE(i)_2c+1 = cos(i·10000^(−2c/d)).

    1706.03762, section 3.5. σ is the scale of the token embeddings. It is 1 if they are multiplied by √d, as
    in the paper; if they start smaller, the sinusoids are scaled down with them, so that they do not
    dominate. α is 1 or, with `scaled`, a learned scalar that starts at 1 (1809.08895, equation 2). If d is
    odd, the last cosine is left out.
    """

    name = "absolute"
    aliases = ("sinusoidal",)
    summary = "Sinusoids of the position added to the embeddings"
    paper = "arXiv:1706.03762"
    family = "absolute"
    per = "model"

    def __init__(self, geometry: Geometry, *, scaled: bool = False) -> None:
        super().__init__(geometry)
        exponents = torch.arange(0, geometry.width, 2, dtype=torch.float64) / geometry.width
        self.frequencies: Tensor
        self.register_buffer("frequencies", (10000.0**-exponents).float(), persistent=False)
        self.scale = nn.Parameter(torch.ones(())) if scaled else None

    def embed(self, x: Float[Tensor, "b n width"], pos: Shaped[Tensor, " n"]) -> Float[Tensor, "b n width"]:
        angles = pos.float()[:, None] * self.frequencies  # n, width/2
        waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, : self.geometry.width]
        waves = self.geometry.embedding_std * waves
        return x + (waves if self.scale is None else self.scale * waves).to(x.dtype)
