"""The forgetting gate: the tokens between a key and a query decide how much of the key is left."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from posharness.contracts import Direction, Geometry, PositionalEncoding


class ForgettingGate(PositionalEncoding):
    """s_ij += Σ_{t=j+1..i} log f_t, with f_t = σ(w_h·x_t + b_h) (FoX, 2503.02130, section 3).

    x is the layer's input; each layer and head has its own w and b. Positions only identify the keys:
    distance is counted in tokens, weighted by their gates. Sums are differences of running sums, in float32.
    As in the authors' code, w starts with standard deviation 0.02 and b at `start` = 0, which is a half-open
    gate: a key twenty tokens back is almost forgotten until training opens the gates. With `start=5` the
    gates start nearly open (0.993). Causal only: there is nothing to forget on the right. The paper's Pro
    block (output gate, key and value shift, norms) is not included.
    """

    name = "forgetting_gate"
    aliases = ("fox",)
    summary = "Gates of the tokens in between decide how much of a key is forgotten (FoX)"
    paper = "arXiv:2503.02130"
    directions: frozenset[Direction] = frozenset({"causal"})
    shift_invariant = True
    bias_reads_input = True

    def __init__(self, geometry: Geometry, *, start: float = 0.0) -> None:
        super().__init__(geometry)
        self.gate = nn.Linear(geometry.width, geometry.heads)
        nn.init.normal_(self.gate.weight, std=0.02)
        nn.init.constant_(self.gate.bias, start)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "b h q k"]:
        assert x is not None
        kept = logsigmoid(self.gate(x).float()).transpose(1, 2).cumsum(-1)  # b h k
        # Queries are tokens among the keys, not always all of them: the last key up to each.
        own = torch.searchsorted(pos_k, pos_q, right=True) - 1
        return kept.index_select(-1, own)[..., None] - kept[:, :, None, :]
