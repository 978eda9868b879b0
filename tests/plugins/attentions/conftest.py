"""A call of an attention at prime sizes, and the same call written out, one number at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import BoundSlots, Direction, Geometry

BATCH, QUERIES, KEYS, TRAINED = 2, 5, 7, 13
MASKS = ("none", "padding", "causal", "causal and padding")


def rewrite(s: Tensor) -> Tensor:
    """What the case's encoding does in its `scores` slot."""
    return 2 * torch.tanh(s)


@dataclass(frozen=True)
class Case:
    """Two sequences of seven keys, whose last five tokens are also queries, and what an encoding does.

    Attributes:
        bias: what the encoding adds to the scores; None for an encoding that adds nothing.
        offsets: what it adds to each key's value, in `values`; None for an encoding without.
        rewrites: whether it rewrites scores.
    """

    geometry: Geometry
    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor | None
    bias: Tensor | None
    offsets: Tensor | None
    rewrites: bool

    @property
    def leaves(self) -> list[Tensor]:
        return [leaf for leaf in (self.q, self.k, self.v, self.bias, self.offsets) if leaf is not None]

    @property
    def slots(self) -> BoundSlots:
        return BoundSlots(
            bias=self.bias,
            scores=rewrite if self.rewrites else None,
            values=None if self.offsets is None else lambda out, weights: out + weights @ self.offsets,
        )


@dataclass(frozen=True)
class Row:
    """One query of one head, with the keys that the mask lets it see, from the first to the last.

    Attributes:
        own: the index of the query's own key.
        seen: the indices of the keys.
        encoded: from the attention's own scores to those that the encoding makes of them.
    """

    head: int
    own: int
    q: Tensor
    seen: list[int]
    keys: list[Tensor]
    encoded: Callable[[Sequence[Tensor]], list[Tensor]]


Weights = Callable[[Row], list[Tensor]]


def literally(case: Case, weights: Weights) -> Tensor:
    """out_i = Σ_j w_ij·(v_j + what the encoding adds to it), with the weights of a row of keys."""
    heads = case.q.shape[1]
    rows = [mixed(case, weights, b, h, i) for b in range(BATCH) for h in range(heads) for i in range(QUERIES)]
    return torch.stack(rows).view(case.q.shape)


def mixed(case: Case, weights: Weights, b: int, h: int, i: int) -> Tensor:
    mask, bias = case.mask, case.bias
    seen = [j for j in range(KEYS) if mask is None or bool(mask[b % len(mask), 0, i, j])]

    def encoded(scores: Sequence[Tensor]) -> list[Tensor]:
        found = list(scores)
        if bias is not None:
            found = [s + bias[b % len(bias), h, i, j] for s, j in zip(found, seen, strict=True)]
        return [rewrite(s) for s in found] if case.rewrites else found

    row = Row(h, KEYS - QUERIES + i, case.q[b, h, i], seen, [case.k[b, h, j] for j in seen], encoded)
    out = torch.zeros_like(case.v[b, h, 0])
    for weight, j in zip(weights(row), seen, strict=True):
        out = out + weight * (case.v[b, h, j] if case.offsets is None else case.v[b, h, j] + case.offsets[j])
    return out


def normalised(scores: Sequence[Tensor]) -> list[Tensor]:
    """Softmax: e^s over the sum of all of them."""
    powers = [s.exp() for s in scores]
    return [power / sum(powers) for power in powers]


@pytest.fixture(params=MASKS)
def masked(request: pytest.FixtureRequest) -> str:
    """What hides keys: nothing, padding at the end of the second sequence, causality or both."""
    found: str = request.param
    return found


@pytest.fixture(params=["nothing", "one bias", "a bias each", "everything"])
def bound(request: pytest.FixtureRequest) -> str:
    """What the encoding acts on."""
    found: str = request.param
    return found


@pytest.fixture
def mask(masked: str) -> Tensor | None:
    keys = torch.arange(KEYS)
    padding = torch.ones(BATCH, 1, QUERIES, KEYS, dtype=torch.bool)
    padding[1, ..., 5:] = False
    causal = (keys <= keys[-QUERIES:, None])[None, None]
    return {"none": None, "padding": padding, "causal": causal, "causal and padding": causal & padding}[
        masked
    ]


@pytest.fixture
def case_of(masked: str, bound: str, mask: Tensor | None) -> Callable[..., Case]:
    def build(*, heads: int = 3, head_width: int = 11, rewrites: bool = True) -> Case:
        generator = torch.Generator().manual_seed(2)

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator).requires_grad_()

        each = {"nothing": 0, "one bias": 1}.get(bound, BATCH)
        direction: Direction = "causal" if "causal" in masked else "bidirectional"
        return Case(
            geometry=Geometry(width=heads * head_width, heads=heads, length=TRAINED, direction=direction),
            q=draw(BATCH, heads, QUERIES, head_width),
            k=draw(BATCH, heads, KEYS, head_width),
            v=draw(BATCH, heads, KEYS, head_width),
            mask=mask,
            bias=draw(each, heads, QUERIES, KEYS) if each else None,
            offsets=draw(KEYS, head_width) if bound == "everything" else None,
            rewrites=rewrites and bound == "everything",
        )

    return build


@pytest.fixture
def gently() -> Callable[[nn.Module], nn.Module]:
    """Give every parameter values that are none's initial ones, and scores a size that softmax can tell."""

    def fill(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.normal_(std=0.2, generator=generator)
        return module

    return fill


@pytest.fixture
def literal() -> Callable[[Case, Weights], Tensor]:
    return literally


@pytest.fixture
def softmax() -> Callable[[Sequence[Tensor]], list[Tensor]]:
    return normalised
