"""PaTH: each token between a key and a query reflects the key."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import normalize, pad, silu

from posharness.contracts import Direction, Geometry, PositionalEncoding, UserError

CHUNK = 32
"""Tokens whose reflections are accumulated at once."""


class Path(PositionalEncoding):
    """s_ij = q_i·H_i H_(i−1) ⋯ H_(j+1) k_j/√d, with H_t = I − β_t w_t w_t^T.

    2505.16381, section 3. w_t, a unit vector for each head, is computed from the layer's input x_t by a
    linear map of rank `rank`, a causal convolution over 3 tokens and L2 normalisation; β_t = 2σ(a_h·x_t +
    b_h). As in the authors' code, the convolution is depthwise, has no bias and is followed by a SiLU. Each
    layer has its own parameters. Positions only identify the keys: scores depend on the order of the tokens.
    Tokens that no query may see have β_t = 0. Causal only. The paper's variant with a forgetting gate
    (PaTH-FoX) is not included.

    Computed in float32 by the UT transform, in chunks of `CHUNK` tokens t. If g_j is the sum of what the
    tokens before the chunk subtracted from k_j, the u_tj in H_t ⋯ H_(j+1) k_j = k_j − g_j − Σ_t u_tj w_t
    solve the unit triangular system u_tj + β_t Σ_{t' < t} (w_t·w_t') u_t'j = β_t w_t·(k_j − g_j) over t > j.
    This takes O(n²·(d + CHUNK)) multiplications, and no pair needs a d × d matrix.
    """

    name = "path"
    summary = "Householder reflections by the tokens between key and query (PaTH)"
    paper = "arXiv:2505.16381"
    directions: frozenset[Direction] = frozenset({"causal"})
    shift_invariant = True
    in_pieces = False

    def __init__(self, geometry: Geometry, *, rank: int = 32) -> None:
        super().__init__(geometry)
        if rank < 1:
            raise UserError(f"path[rank={rank}]: rank must be 1 or more.")
        inner = geometry.heads * geometry.head_width
        self.down = nn.Linear(geometry.width, rank, bias=False)
        self.up = nn.Linear(rank, inner, bias=False)
        self.mix = nn.Conv1d(inner, inner, 3, groups=inner, bias=False)
        self.strength = nn.Linear(geometry.width, geometry.heads)

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
        w, beta = self.reflections(x, mask)
        # Queries are tokens among the keys, not always all of them: the last key up to each.
        own = torch.searchsorted(pos_k, pos_q, right=True) - 1
        with torch.autocast(s.device.type, enabled=False):
            taken = reflected(q.float() / math.sqrt(q.shape[-1]), k.float(), w.float(), beta.float(), own)
        return s - taken.to(s.dtype)

    def reflections(
        self, x: Float[Tensor, "b k width"], mask: Bool[Tensor, "#b 1 q k"] | None
    ) -> tuple[Float[Tensor, "b h k d"], Float[Tensor, "b h k 1"]]:
        """w_t and β_t."""
        low, beta = self.down(x), 2 * self.strength(x).sigmoid()
        if mask is not None:
            seen = mask.any(-2).mT  # b k 1
            low, beta = low * seen, beta * seen
        mixed = silu(self.mix(pad(self.up(low).mT, (2, 0))))  # b h·d k
        w = mixed.view(len(x), self.geometry.heads, -1, x.shape[1]).mT  # b h k d
        return normalize(w, dim=-1), beta.mT[..., None]


def reflected(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    w: Float[Tensor, "b h k d"],
    beta: Float[Tensor, "b h k 1"],
    own: Shaped[Tensor, " q"],
) -> Float[Tensor, "b h q k"]:
    """q_i·k_j − q_i·H_i ⋯ H_(j+1) k_j for keys j up to the query's own token; undefined for later keys.

    Args:
        own: for each query, the index of its own token among the keys, ascending.
    """
    keys = k.shape[2]
    starts = range(0, keys, CHUNK)
    queries = torch.bincount(own // CHUNK, minlength=len(starts)).tolist()
    rows = []
    gone = k[:, :, :0]  # b h before d
    for start, q_c, own_c in zip(starts, torch.split(q, queries, 2), torch.split(own, queries), strict=True):
        end = min(start + CHUNK, keys)
        w_c, beta_c = w[:, :, start:end], beta[:, :, start:end]  # b h t d, b h t 1
        gone = torch.cat([gone, torch.zeros_like(w_c)], 2)  # b h end d
        met = (beta_c * (w_c @ (k[:, :, :end] - gone).mT)).tril(start - 1)  # b h t end
        u = torch.linalg.solve_triangular(
            (beta_c * (w_c @ w_c.mT)).tril(-1), met, upper=False, unitriangular=True
        )
        past = torch.arange(start, end, device=own.device) <= own_c[:, None]  # q t
        rows.append(pad((q_c @ w_c.mT * past) @ u + q_c @ gone.mT, (0, keys - end)))
        gone = gone + u.mT @ w_c
    return torch.cat(rows, 2)
