"""DeBERTa: queries are compared with relative positions, and relative positions with keys."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from posharness.contracts import Geometry, PositionalEncoding, UserError
from posharness_plugins.encodings._by_distance import whole
from posharness_plugins.encodings._diagonals import add_along_diagonals, by_head, needed_distances


class Deberta(PositionalEncoding):
    """s_ij = (q_i·k_j + q_i·K_δ + k_j·Q_δ)/√(3d), with K = P W_K, Q = P W_Q and δ = δ(i, j).

    2006.03654, section 3.1, equations 2 to 4. δ(i, j) = i − j + k, clipped to 0..2k−1, is a row of a learned
    table P of 2k rows; a causal body has only the k rows that it needs, those for i ≥ j. k is `span`, in
    positions: by default the training length, like the paper's 512.

    `log=True` is the form of DeBERTa-v2: distances up to k/2 have a row each, and farther ones share the
    other rows in geometric steps up to `max_distance`. Then k is half the training length and `max_distance`
    is 2k by default, like v2's 256 rows on each side for 512 tokens. Distances between fractional positions
    are rounded.

    Departures: the third term of the paper's equation has δ(j, i), but the authors' code uses δ(i, j) there
    too, and so does this one. The paper shares P among the layers, and v2 uses the projections of the content
    as W_K and W_Q, which an encoding cannot reach: here each layer has its own P, W_K and W_Q, without
    biases. P starts with variance 1, which v2's LayerNorm gives it. The paper uses bidirectional bodies; the
    formula is defined in causal ones too. The enhanced mask decoder is not included.
    """

    name = "deberta"
    aliases = ("disentangled",)
    summary = "Scores of content against learned relative positions, both ways (DeBERTa)"
    paper = "arXiv:2006.03654"
    family = "relative"
    shift_invariant = True

    def __init__(
        self,
        geometry: Geometry,
        *,
        span: int | None = None,
        log: bool = False,
        max_distance: int | None = None,
    ) -> None:
        super().__init__(geometry)
        usual = max(4, geometry.length // 2) if log else geometry.length
        self.span = usual if span is None else span
        farthest = 2 * self.span if max_distance is None else max_distance
        if self.span < 1 or (log and self.span < 4):
            raise UserError(f"deberta[span={self.span}]: span must be {4 if log else 1} or more.")
        if log and farthest <= self.span:
            raise UserError(
                f"deberta[log=true,max_distance={farthest}]: max_distance must be above the span, "
                f"{self.span}."
            )
        ends = log_ends(self.span, farthest) if log else list(range(self.span))
        self.ends: Tensor
        self.register_buffer("ends", torch.tensor(ends), persistent=False)
        heads, d, width = geometry.heads, geometry.head_width, geometry.width
        self.right = 0 if geometry.direction == "causal" else self.span
        self.vectors = nn.Parameter(torch.randn(self.span + self.right, width))
        self.key = nn.Parameter(torch.randn(heads, width, d) / math.sqrt(width))
        self.query = nn.Parameter(torch.randn(heads, width, d) / math.sqrt(width))

    def rows(self, distances: Shaped[Tensor, " n"]) -> Int[Tensor, " n"]:
        """The row of P for each distance j − i: δ(i, j), less k in a causal body."""
        delta = -whole(distances)
        bucket = torch.bucketize(delta.abs(), self.ends)
        return (self.right + delta.sign() * bucket).clamp(0, len(self.vectors) - 1)

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
        share = math.sqrt(1 / 3)
        causal = self.geometry.direction == "causal"
        lefts = needed_distances(pos_q, pos_k, "left" if causal else "both")
        rights = needed_distances(pos_k, pos_q, "right" if causal else "both")
        if lefts is not None and rights is not None:
            keys, queries = self._projected(q.shape[-1])
            (line, shift), (back, shift_back) = lefts, rights
            to_position = by_head(q, keys.index_select(1, self.rows(line)))  # b h q n
            to_content = by_head(k, queries.index_select(1, self.rows(-back)))  # b h k m
            return add_along_diagonals(s, to_position, shift, (to_content, shift_back), factor=share)
        rows = self.rows((pos_k - pos_q[:, None]).flatten()).view(len(pos_q), len(pos_k))
        # Positions with gaps may come from a table of many more rows than there are tokens: the products with
        # all of them are computed again for the gradient.
        by_pair: Tensor = checkpoint(self._by_pair, q, k, rows, use_reentrant=False, preserve_rng_state=False)
        return torch.add(by_pair, s, alpha=share)

    def _by_pair(
        self, q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"], rows: Int[Tensor, "q k"]
    ) -> Float[Tensor, "b h q k"]:
        """Both terms of position, with an index for each pair."""
        keys, queries = self._projected(q.shape[-1])
        shape = *q.shape[:2], -1, -1
        to_position = (q @ keys.mT).gather(-1, rows.expand(shape))  # b h q k
        to_content = (k @ queries.mT).gather(-1, rows.mT.expand(shape))  # b h k q
        return to_position.add_(to_content.mT)

    def _projected(self, d: int) -> tuple[Float[Tensor, "h rows d"], Float[Tensor, "h rows d"]]:
        """K and Q, over √(3d)."""
        scale = 1 / math.sqrt(3 * d)
        return self.vectors @ (self.key * scale), self.vectors @ (self.query * scale)


def log_ends(span: int, max_distance: int) -> list[int]:
    """The largest distance of each of the buckets 0..span−1 of one side.

    The bucket of distance a is a for a ≤ m = span // 2, and m + ⌈(m − 1)·log(a/m)/log((max_distance − 1)/m)⌉
    beyond. Computed in integers, so that rounding cannot put a distance into the wrong bucket.
    """
    m = span // 2
    ends = list(range(m + 1))
    for step in range(1, span - m):
        a = ends[-1]
        while (a + 1) ** (m - 1) * m**step <= (max_distance - 1) ** step * m ** (m - 1):
            a += 1
        ends.append(a)
    return ends
