"""Position interpolation: rotary positions compressed to the range of training."""

from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor

from posharness_plugins.encodings._rotary import Rotary, rotate_both, stretch


class PositionInterpolation(Rotary):
    """RoPE at the positions i/s, with s = max(1, N/L) for positions that span N and a training length L.

    2306.15595, section 2.3. Up to the training length, s is 1 and this is `rope`. The paper fixes s and
    fine-tunes; here s follows the current positions, and nothing is trained beyond L.
    """

    name = "position_interpolation"
    aliases = ("pi",)
    summary = "RoPE whose positions are compressed to the training length when they exceed it"
    paper = "arXiv:2306.15595"

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        s = stretch(pos_q, pos_k, self.geometry.length)
        return rotate_both(q, k, pos_q, pos_k, self.frequencies / s)
