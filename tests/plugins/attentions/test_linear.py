"""Linear attention equals equations 5 and 8 of 2006.16236, however many chunks there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import BoundSlots, Direction, Geometry
from posharness_plugins.attentions import linear
from posharness_plugins.attentions.linear import Linear

Fixture = Callable[..., Any]


def phi(x: Tensor) -> list[Tensor]:
    return [number + 1 if number > 0 else number.exp() for number in x]


def weights(row: Any) -> list[Tensor]:
    products = [sum(a * b for a, b in zip(phi(row.q), phi(k), strict=True)) for k in row.keys]
    return [product / sum(products) for product in products]


@pytest.mark.parametrize("bound", ["nothing"], indirect=True)
@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_equals_the_formula(
    case_of: Fixture,
    literal: Fixture,
    equal: Fixture,
    parity: Fixture,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
) -> None:
    monkeypatch.setattr(linear, "CHUNK", chunk)
    case = case_of()
    attention = Linear(case.geometry)
    ours = attention(case.q, case.k, case.v, case.mask, BoundSlots())
    found = equal(ours, literal(case, weights), case.leaves)
    parity("linear", reference="2006.16236, equation 5, element by element", difference=found)
    assert attention.slots == {"positions", "embed"}


@pytest.mark.parametrize("length", [64, 65, 193])
def test_sums_carried_over_chunks_equal_the_matrix_of_all_pairs(direction: Direction, length: int) -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = torch.randn(3, 2, 3, length, 7, generator=generator)
    causal = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
    real = (torch.arange(length) < torch.tensor([[length], [length - 40]]))[:, None, None]
    mask = real.expand(-1, -1, length, -1) if direction == "bidirectional" else causal & real
    pairs = (torch.where(q > 0, q + 1, q.exp()) @ torch.where(k > 0, k + 1, k.exp()).mT) * mask
    ours = Linear(Geometry(width=21, heads=3, length=16, direction=direction))(q, k, v, mask, BoundSlots())
    torch.testing.assert_close(ours, pairs / pairs.sum(-1, keepdim=True) @ v)


def test_memory_does_not_grow_with_the_square_of_length(direction: Direction) -> None:
    """What is kept for the gradient, counted in numbers."""
    kept: dict[int, int] = {}
    attention = Linear(Geometry(width=16, heads=1, length=16, direction=direction))
    for length in (1024, 4096):
        q = torch.randn(1, 1, length, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
        sizes: list[int] = []

        def note(x: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(x.numel())
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            attention(q, q, q, None, BoundSlots())
        kept[length] = sum(sizes)
    assert kept[4096] < 4.1 * kept[1024]


def test_features_that_underflow_give_finite_gradients(direction: Direction) -> None:
    q = torch.full((1, 1, 3, 5), -300.0, requires_grad=True)
    v = torch.ones(1, 1, 3, 5)
    out = Linear(Geometry(width=5, heads=1, length=3, direction=direction))(q, q, v, None, BoundSlots())
    out.sum().backward()
    assert q.grad is not None
    assert out.isfinite().all()
    assert q.grad.isfinite().all()
