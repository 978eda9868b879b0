"""Position interpolation: rotary positions compressed to the range of training."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from posharness_plugins.encodings._stretched import Stretched


class PositionInterpolation(Stretched):
    """RoPE at the positions j/s_i, for query i and the keys j that it reads, s_i = max(1, N_i/L).

    2306.15595, section 2.3, with a training length L and N_i positions that query i sees: up to its own in a
    causal body, the real tokens of its row in a bidirectional one. Up to the training length, this is `rope`.
    The paper fixes s and fine-tunes; here s follows what is seen, and nothing is trained beyond L.
    """

    name = "position_interpolation"
    aliases = ("pi",)
    summary = "RoPE whose positions are compressed to the training length when they exceed it"
    paper = "arXiv:2306.15595"

    def stretched(self, s: Float[Tensor, "n 1"]) -> tuple[Float[Tensor, "n c"], None]:
        return self.frequencies / s, None
