"""Additive attention equals the alignment model of 1409.0473."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import SLOTS, BoundSlots, UserError
from posharness_plugins.attentions.additive import Additive

Fixture = Callable[..., Any]


@pytest.mark.parametrize("inner", [None, 5])
def test_equals_the_formula(
    case_of: Fixture,
    literal: Fixture,
    softmax: Fixture,
    gently: Fixture,
    equal: Fixture,
    parity: Fixture,
    inner: int | None,
) -> None:
    case = case_of()
    attention = gently(Additive(case.geometry, inner=inner))
    w, u, energy = attention.parameters()
    assert energy.shape == (3, inner or 11)

    def score(h: int, q: Tensor, k: Tensor) -> Tensor:
        hidden = torch.tanh((w[h] * q[:, None] + u[h] * k[:, None]).sum(0))
        return (energy[h] * hidden).sum()

    def weights(row: Any) -> list[Tensor]:
        return softmax(row.encoded([score(row.head, row.q, k) for k in row.keys]))

    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), [*case.leaves, w, u, energy])
    parity("additive", reference="1409.0473, appendix A.1.2", difference=found)
    assert attention.slots == set(SLOTS) - {"rotate"}


class Largest(torch.overrides.TorchFunctionMode):
    """The most numbers that any tensor holds which is made meanwhile."""

    numbers = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.numbers = max(self.numbers, made.numel())
        return made


def test_no_tensor_is_larger_than_the_scores(place: Any) -> None:
    q, k = torch.randn(2, 1, 3, 31, 7, generator=torch.Generator().manual_seed(1))
    with Largest() as largest:
        Additive(place.geometry)(q, k, k, None, BoundSlots())
    assert largest.numbers == 3 * 31 * 31


def test_no_hidden_unit_is_refused(place: Any) -> None:
    with pytest.raises(UserError, match=r"inner=0.*1 or more"):
        Additive(place.geometry, inner=0)
