"""TUPE: scores between positions, with separate projections."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import embedding

from posharness.contracts import Geometry, PositionalEncoding, UserError
from posharness_plugins.encodings._by_distance import Buckets, bias_by_distance, look_up


class Tupe(PositionalEncoding):
    """s_ij = q_i·k_j/√(2d) + (p_i U^Q)·(p_j U^K)/√(2d), where d is the width of a head.

    2006.15595, section 3.1 (TUPE-A). p is a learned table of `max_length` rows; all layers share p, U^Q and
    U^K. `max_length`, in positions, is the training length by default. Positions are integers below it;
    others raise IndexError or RuntimeError.

    - `relative` adds T5's bias b[h, bucket(j − i)] to the position term (TUPE-R).
    - `untie` replaces that term by a learned θ1_h where the query is the first token, and by θ2_h where only
      the key is (section 3.2). The paper does so for [CLS]. It is off by default: in a task without [CLS],
      the first token is an ordinary input and would lose its position.

    Departures: the authors' code normalises p (LayerNorm) and adds biases to U. The equation has neither, and
    here p and p U start with variance 1. In that code θ1 and θ2 are inner products of two further rows of p;
    here they are scalars that start at 0. The paper uses bidirectional bodies; the formula is defined in
    causal ones too.
    """

    name = "tupe"
    summary = "Scores of learned absolute positions, untied from those of words (TUPE)"
    paper = "arXiv:2006.15595"
    family = "absolute"
    per = "model"

    def __init__(
        self,
        geometry: Geometry,
        *,
        max_length: int | None = None,
        relative: bool = False,
        untie: bool = False,
    ) -> None:
        super().__init__(geometry)
        rows = geometry.length if max_length is None else max_length
        if rows < geometry.length:
            raise UserError(
                f"tupe[max_length={rows}] is too short for training sequences of {geometry.length} "
                f"tokens: give a max_length of {geometry.length} or more."
            )
        self.max_length = rows
        width, heads = geometry.width, geometry.heads
        inner = heads * geometry.head_width
        self.vectors = nn.Parameter(torch.randn(rows, width))
        self.query = nn.Parameter(torch.randn(width, inner) / math.sqrt(width))
        self.key = nn.Parameter(torch.randn(width, inner) / math.sqrt(width))
        self.theta = nn.Parameter(torch.zeros(2, heads)) if untie else None
        self.buckets = Buckets(geometry, buckets=32, max_distance=128) if relative else None
        if self.buckets is not None:
            self.family = ""  # it has positions of both kinds
            self.table = nn.Parameter(nn.init.normal_(torch.empty(heads, self.buckets.number), std=0.02))

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        # From √d to √(2d): content and position have half of a score's variance each.
        return q * math.sqrt(0.5), k

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        q, k = self.project(pos_q, self.query), self.project(pos_k, self.key)  # h q d, h k d
        term = ((q / math.sqrt(2 * q.shape[-1])) @ k.mT)[None]  # 1 h q k
        if (buckets := self.buckets) is not None:
            term = term + bias_by_distance(lambda by: look_up(self.table, buckets(by)), pos_q, pos_k)
        if self.theta is not None:
            from_first, to_first = self.theta[..., None, None]  # each h 1 1
            term = torch.where(pos_k == pos_k[0], to_first, term)
            term = torch.where((pos_q == pos_k[0])[:, None], from_first, term)
        return term

    def project(self, pos: Shaped[Tensor, " n"], by: Float[Tensor, "width inner"]) -> Float[Tensor, "h n d"]:
        """p U, by head."""
        found: Tensor = embedding(pos, self.vectors) @ by
        return found.view(len(pos), self.geometry.heads, -1).transpose(0, 1)
