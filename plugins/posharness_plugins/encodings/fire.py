"""FIRE: a small network maps the distance, relative to the query's position, to a bias."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from posharness.contracts import Geometry, PositionalEncoding, UserError

SMALLEST = 1e-6
KEPT = 2**16
"""Pairs whose hidden units are kept for the gradient; those of more pairs are computed again."""


class Fire(PositionalEncoding):
    """s_ij += f(ψ(i − j)/ψ(max(i, T)))_h, with ψ(x) = log(c·x + 1) and f an MLP 1 → `hidden` → H.

    2310.04418, section 3. Each layer learns its own c, T and MLP. As in the authors' code, c starts at 0.1, T
    is `threshold` times a learned factor, c and T are used by absolute value, the MLP has one hidden layer of
    32 ReLU units, and 1e-6 is added to the denominator. `threshold`, in positions, is a quarter of the
    training length by default, like the paper's 512 of 2048. Positions are counted from 0, so attention
    depends on more than their differences.

    The paper defines the causal form only. The bidirectional form is ours: ψ(|i − j|)/ψ(max(i, j, T)), which
    is the causal form for keys on the left and its mirror image for keys on the right. It stays within [0, 1]
    and does not depend on the length of the sequence, but it is the same to the left and to the right.
    `signed` multiplies the quotient by the sign of i − j, so that f can distinguish the two.

    `trained=False` keeps c, T and the MLP as they start.
    """

    name = "fire"
    summary = "A learned function of the distance relative to the query's position (FIRE)"
    paper = "arXiv:2310.04418"
    family = "relative"

    def __init__(
        self,
        geometry: Geometry,
        *,
        hidden: int = 32,
        threshold: float | None = None,
        signed: bool = False,
        trained: bool = True,
    ) -> None:
        super().__init__(geometry)
        if hidden < 1:
            raise UserError(f"fire[hidden={hidden}]: give 1 hidden unit or more.")
        if threshold is not None and threshold <= 0:
            raise UserError(f"fire[threshold={threshold}]: give a threshold above 0, or leave it out.")
        self.signed = signed
        self.c = nn.Parameter(torch.tensor(0.1))
        self.factor = nn.Parameter(torch.tensor(1.0))
        self.threshold = geometry.length / 4 if threshold is None else threshold
        self.inner = nn.Linear(1, hidden)
        self.outer = nn.Linear(hidden, geometry.heads)
        self.requires_grad_(trained)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        if len(pos_q) * len(pos_k) > KEPT and torch.is_grad_enabled():
            bias: Tensor = checkpoint(self._bias, pos_q, pos_k, use_reentrant=False, preserve_rng_state=False)
            return bias
        return self._bias(pos_q, pos_k)

    def _bias(self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]) -> Float[Tensor, "1 h q k"]:
        delta = (pos_q[:, None] - pos_k).float()
        farthest = torch.maximum(pos_q[:, None], pos_k).float()
        farthest = torch.maximum(farthest, (self.factor * self.threshold).abs())
        z = self.psi(delta.abs()) / (self.psi(farthest) + SMALLEST)  # q k
        if self.signed:
            z = z * delta.sign()
        # Hidden units first: the output is then contiguous by head.
        units = self.linear(self.inner, z.view(1, -1)).relu_()  # hidden q·k
        return self.linear(self.outer, units).view(1, -1, *z.shape)

    def psi(self, distance: Float[Tensor, "q k"]) -> Float[Tensor, "q k"]:
        """log(|c|·x + 1)."""
        return torch.log1p(self.c.abs() * distance)

    @staticmethod
    def linear(by: nn.Linear, columns: Float[Tensor, "inputs n"]) -> Float[Tensor, "outputs n"]:
        """W x + b for each column x, in the columns' own precision."""
        return torch.addmm(by.bias[:, None].to(columns), by.weight.to(columns), columns)
