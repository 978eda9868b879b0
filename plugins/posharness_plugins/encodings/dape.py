"""DAPE: a small network adapts another encoding's bias to the scores."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, UserError, by_name


class Dape(PositionalEncoding):
    """s_ij = s_ij + b_ij + f([s_ij; b_ij]), with f an MLP 2H → `hidden` → H across the heads.

    2405.14722, section 3. b is the bias of `base`, and s are the scores after division by √d. As in the
    authors' code, f has one hidden layer of 32 units with leaky ReLU (slope 0.01), and each layer has its own
    f and b, even where `base` alone would be shared. f is applied to each pair of positions separately, so no
    information passes from a masked pair to another, and the encoding is defined wherever `base` is. The
    paper uses causal bodies.

    Memory: `hidden` activations for each pair of positions.
    """

    name = "dape"
    summary = "A small network adapts another encoding's bias to the scores"
    paper = "arXiv:2405.14722"

    def __init__(
        self, geometry: Geometry, *, base: PositionalEncoding = by_name("kerple"), hidden: int = 32
    ) -> None:
        super().__init__(geometry)
        if hidden < 1:
            raise UserError(f"dape[hidden={hidden}]: give 1 hidden unit or more.")
        if base.slots - {"bias"}:
            raise Incompatible(
                f"dape adapts an encoding that is a bias and nothing else, and {base.name} acts on "
                + " and ".join(sorted(base.slots - {"bias"}))
            )
        self.base = base
        self.declare_like(base)
        self.inner = nn.Linear(2 * geometry.heads, hidden)
        self.outer = nn.Linear(hidden, geometry.heads)

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
        b = self.base.bias(pos_q, pos_k, x if self.base.bias_reads_input else None).flatten(2).to(s.dtype)
        inner, inner_bias, outer, outer_bias = (
            p.to(s.dtype) for p in (self.inner.weight, self.inner.bias, self.outer.weight, self.outer.bias)
        )
        from_s, from_b = inner.expand(len(s), -1, -1).chunk(2, -1)  # each b hidden h
        # One bias for the whole batch goes through its half of the first layer once.
        units = torch.baddbmm(from_b[: len(b)] @ b + inner_bias[:, None], from_s, s.flatten(2))
        adapted = torch.baddbmm(
            b + outer_bias[:, None], outer.expand(len(s), -1, -1), leaky_relu_(units)
        )  # b h q·k
        return adapted.view(s.shape).add_(s)
