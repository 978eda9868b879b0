"""A bias that learns takes the fused path, with the values and gradients of the formula written out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from posharness_plugins.attentions import _blocks
from posharness_plugins.attentions._learned_bias import fused_with_bias

BATCH, HEADS, QUERIES, KEYS, WIDTH = 5, 3, 7, 11, 4
Draw = Callable[..., Tensor]


@pytest.fixture(params=[1, 2**18, 100, 300], ids=["one query and sequence a block", "all", "some", "more"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocks, "BLOCK", request.param)


@pytest.fixture
def draw() -> Draw:
    generator = torch.Generator().manual_seed(2)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    return drawn


def mask(sequences: int) -> Tensor | None:
    if not sequences:
        return None
    seen = torch.rand(sequences, 1, QUERIES, KEYS, generator=torch.Generator().manual_seed(3)) > 0.5
    seen[..., 2] = True
    return seen


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("biases", [1, BATCH])
@pytest.mark.parametrize("masks", [0, 1, BATCH])
def test_values_and_gradients_are_those_of_the_formula(draw: Draw, biases: int, masks: int) -> None:
    # As the body gives them: heads are not contiguous.
    q = draw(BATCH, QUERIES, HEADS, WIDTH)
    k, v = (draw(BATCH, KEYS, HEADS, WIDTH) for _ in "kv")
    bias = draw(biases, HEADS, QUERIES, KEYS)
    leaves = [q, k, v, bias]
    heads = [x.transpose(1, 2) for x in leaves[:3]]
    seen = mask(masks)
    ours = fused_with_bias(*heads, bias, seen, scale=0.3)
    hidden = bias if seen is None else bias.masked_fill(~seen, -torch.inf)
    plain = scaled_dot_product_attention(*heads, attn_mask=hidden, scale=0.3)
    torch.testing.assert_close(ours, plain)
    probe = draw(*ours.shape).detach()
    for found, expected in zip(
        torch.autograd.grad(ours, leaves, probe), torch.autograd.grad(plain, leaves, probe), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_gradients_are_derivatives(draw: Draw) -> None:
    q, k, v, bias = draw(2, 2, 3, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 4), draw(1, 2, 3, 5)
    assert torch.autograd.gradcheck(lambda *given: fused_with_bias(*given, None, scale=0.5), (q, k, v, bias))


class Largest(TorchDispatchMode):
    """The size of the largest tensor that torch makes."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(one, Tensor):
                self.numbers = max(self.numbers, one.untyped_storage().nbytes() // one.element_size())
        return made


def test_no_tensor_has_the_size_of_all_sequences_scores(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocks, "BLOCK", 1000)
    q, k, v = (draw(8, 2, 61, 3) for _ in "qkv")
    bias = draw(1, 2, 61, 61)
    with Largest() as watch:
        fused_with_bias(q, k, v, bias, torch.ones(1, 1, 61, 61).bool().tril(), scale=1.0).sum().backward()
    assert watch.numbers <= bias.numel()
