"""Shared by rotary encodings whose frequencies fall beyond the training length: NTK, YaRN, interpolation."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from posharness.contracts import Slot
from posharness_plugins.encodings._rotary import Rotary, rotate_both

_PRODUCTS = 2**20
"""The most products of components that are computed at a time where each query has its own frequencies."""


class Stretched(Rotary):
    """RoPE with frequencies θ_c(s_i) for query i and the keys it reads, s_i = max(1, N_i/L).

    N_i is what query i sees: in a causal body the positions up to its own; in a bidirectional one the real
    tokens of its row. So s_i depends neither on later tokens nor on padding, and a whole sequence gives what
    decoding step by step gives with keys that are turned anew in each step (2309.00071, section 3.3). Where
    s_i is 1 for all queries, this is `rope`, and attention stays fused; beyond, the scores are computed anew.
    """

    def stretched(self, s: Float[Tensor, "n 1"]) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n 1"] | None]:
        """The frequencies θ_c(s), and the factor of queries and of keys; None for 1."""
        raise NotImplementedError

    def slots_at(self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]) -> frozenset[Slot]:
        far = pos_k[-1] - pos_k[0] + 1 > self.geometry.length
        return self.slots if bool(far) else self.slots - {"scores"}

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        return rotate_both(q, k, pos_q, pos_k, self.frequencies)

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
        length, origin = self.geometry.length, pos_k[0]
        pos_q, pos_k = (pos_q - origin).float(), (pos_k - origin).float()
        scale = q.shape[-1] ** -0.5
        if self.geometry.direction == "causal":
            near = int((pos_q + 1 <= length).sum())
            if near == len(pos_q):
                return s
            far = self._by_query(q[:, :, near:], k, pos_q[near:], pos_k)
            return torch.cat([s[:, :, :near], (scale * far).to(s.dtype)], 2)
        last = pos_k[-1:] if mask is None else pos_k.where(mask[:, 0].any(-2), 0).amax(-1)  # b, or 1
        factor = ((last + 1) / length).clamp(min=1)
        rows = (scale * self._by_row(q, k, pos_q, pos_k, factor)).to(s.dtype)
        return torch.where((factor > 1)[:, None, None, None], rows, s)

    def _by_row(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Float[Tensor, " q"],
        pos_k: Float[Tensor, " k"],
        s: Float[Tensor, "#b"],
    ) -> Float[Tensor, "b h q k"]:
        """The products of queries and keys where each row has one s."""
        further, size = self._further(s)
        q, k = (_turned(x, pos[:, None] * further[:, None, None]) for x, pos in ((q, pos_q), (k, pos_k)))
        return (q @ k.mT) * size[:, None, None]

    def _by_query(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Float[Tensor, " q"],
        pos_k: Float[Tensor, " k"],
    ) -> Float[Tensor, "b h q k"]:
        """The products of queries and keys where each query has its own s: its position + 1 over L."""
        further, size = self._further((pos_q + 1) / self.geometry.length)
        q = _turned(q, pos_q[:, None] * further) * size
        found = []
        step = max(1, _PRODUCTS // k.numel())
        for start in range(0, len(pos_q), step):
            some = slice(start, start + step)
            keys = _turned(k[:, :, None], pos_k[:, None] * further[some, None])  # b h some k d
            found.append((keys @ q[:, :, some, :, None]).squeeze(-1))
        return torch.cat(found, 2)

    def _further(self, s: Float[Tensor, " n"]) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n 1"]]:
        """How much faster than by `rotate` pairs turn, and the factor of the product of query and key."""
        frequencies, size = self.stretched(s[:, None])
        return frequencies - self.frequencies, torch.ones_like(s[:, None]) if size is None else size**2


def _turned(x: Float[Tensor, "*x d"], angles: Float[Tensor, "*angles c"]) -> Float[Tensor, "*turned d"]:
    """Pairs of components turned by angles, in float32."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], x.shape[-1] // 2, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)
