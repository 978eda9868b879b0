"""CoPE: the position of a key is the number of keys that the query's gates count."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import pad

from posharness.contracts import Direction, Geometry, PositionalEncoding, UserError


class Cope(PositionalEncoding):
    """s_ij += q_i·e[p_ij], with p_ij = Σ_{t=j..i} σ(s_it), at most `max_pos` − 1.

    2405.18719, section 4. Between integers, q_i·e[p] is interpolated linearly, so each query needs P =
    `max_pos` products. As in the code that the paper prints, the gates read the scores after division by √d,
    and q_i·e[p] is not divided. (The paper's equations have no √d; the repository published later divides
    both, which is the same with e divided by √d.) Keys that a query may not see are not counted. The vectors
    e are shared by the heads, separate for each layer, and start at 0, as in that code. P is the training
    length + 1 by default, enough for every count.

    Positions only identify the keys: distance is counted in tokens, weighted by the gates. Causal only.
    """

    name = "cope"
    summary = "Learned vectors for the number of keys that a query's gates count (CoPE)"
    paper = "arXiv:2405.18719"
    family = "relative"
    directions: frozenset[Direction] = frozenset({"causal"})
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, max_pos: int | None = None) -> None:
        super().__init__(geometry)
        rows = geometry.length + 1 if max_pos is None else max_pos
        if rows < 2:
            raise UserError(f"cope[max_pos={rows}]: max_pos must be 2 or more.")
        self.vectors = nn.Parameter(torch.zeros(rows, geometry.head_width))

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
        gates = (s if mask is None else s.masked_fill(~mask, -torch.inf)).float().sigmoid()
        counts = gates.flip(-1).cumsum(-1).flip(-1).clamp(max=len(self.vectors) - 1)  # b h q k
        below = counts.detach().long()
        met = q @ self.vectors.mT  # b h q P
        rise = pad(met.diff(dim=-1), (0, 1))
        risen = rise.gather(-1, below) * (counts - below).to(met.dtype)
        return met.gather(-1, below).add_(risen).add_(s)
