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

    Computed in float32 by the UT transform, in chunks of `CHUNK` tokens t. For a key x from before a chunk,
    the u_t in H_t ⋯ H_1 x = x − Σ_t u_t w_t solve the unit triangular system u_t + β_t Σ_{t' < t} (w_t·w_t')
    u_t' = β_t w_t·x. So u_t = z_t·x, where z has a vector for each token of the chunk and is the same for all
    keys: the chunk maps x to x·(I − Σ_t z_t w_t^T), and query i reads it as (q_i − Σ_{t≤i} (q_i·w_t) z_t)·x.
    All keys together take O(n²·(d + d²/CHUNK)) multiplications.
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
            q = q.float() / math.sqrt(q.shape[-1])
            return reflected(s.float(), q, k.float(), w.float(), beta.float(), own).to(s.dtype)

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
    s: Float[Tensor, "b h q k"],
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    w: Float[Tensor, "b h k d"],
    beta: Float[Tensor, "b h k 1"],
    own: Shaped[Tensor, " q"],
) -> Float[Tensor, "b h q k"]:
    """s_ij + q_i·H_i ⋯ H_(j+1) k_j − q_i·k_j for keys j up to the query's own token, and s_ij for later keys.

    Args:
        own: for each query, the index of its own token among the keys, ascending.
    """
    chunks = _Chunks(k, w, beta)
    queries = torch.bincount(own // CHUNK, minlength=len(chunks.w)).tolist()
    rows = []
    before = k[:, :, :0]  # keys from before the chunk, after the reflections since: b h before d
    parts = zip(
        *(torch.split(x, queries, 2) for x in (s, q)),
        torch.split(own, queries),
        *(chunks.w, chunks.z, chunks.u, chunks.after, chunks.through),
        strict=True,
    )
    for s_c, q_c, own_c, w_c, z_c, u_c, after_c, through_c in parts:
        start = before.shape[2]
        end = min(start + CHUNK, k.shape[2])
        if len(own_c):
            past = torch.arange(start, start + CHUNK, device=own.device) <= own_c[:, None]  # q t
            met = (q_c @ w_c.mT) * past
            earlier, within, later = torch.split(s_c, [start, end - start, k.shape[2] - end], -1)
            # One product takes q·k away and adds its successor.
            asked, read = torch.cat([q_c - met @ z_c, -q_c], -1), torch.cat([before, k[:, :, :start]], -1)
            heads = (x.flatten(0, 1) for x in (earlier, asked, read.mT))
            earlier = torch.baddbmm(*heads).view(earlier.shape)
            rows.append(torch.cat([earlier, within - met @ u_c[..., : end - start], later], -1))
        before = torch.cat([before @ through_c, after_c], 2)
    return torch.cat(rows, 2)


class _Chunks:
    """What the tokens t of each chunk do, as a tuple with an entry for each chunk.

    Attributes:
        w: their vectors, (b, h, t, d).
        z: u_t = z_t·x for a key x from before the chunk, (b, h, t, d).
        u: u_tj of the chunk's own keys j, 0 for j ≥ t, (b, h, t, t).
        after: the chunk's own keys, after its reflections, (b, h, t, d).
        through: the matrix that an earlier key is multiplied by from the right, (b, h, d, d).
    """

    def __init__(
        self, k: Float[Tensor, "b h k d"], w: Float[Tensor, "b h k d"], beta: Float[Tensor, "b h k 1"]
    ) -> None:
        rest = -k.shape[2] % CHUNK  # tokens that reflect nothing
        k, w, beta = (
            pad(x, (0, 0, 0, rest)).view(*x.shape[:2], -1, CHUNK, x.shape[-1]) for x in (k, w, beta)
        )  # b h c t d
        unit = torch.eye(CHUNK, dtype=w.dtype, device=w.device)
        system = (beta * (w @ w.mT)).tril(-1)
        inverse = torch.linalg.solve_triangular(system, unit, upper=False, unitriangular=True) * beta.mT
        z = inverse @ w
        u = inverse @ (w @ k.mT).tril(-1)
        self.w, self.z, self.u = w.unbind(2), z.unbind(2), u.unbind(2)
        self.after = (k - u.mT @ w).unbind(2)
        d = w.shape[-1]
        self.through = (torch.eye(d, dtype=w.dtype, device=w.device) - z.mT @ w).unbind(2)
