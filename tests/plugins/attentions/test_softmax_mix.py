"""The weights and the mix of values, and their gradients, are those of the formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from posharness_plugins.attentions import _additive_scores, _blocks
from posharness_plugins.attentions._additive_scores import additive_scores
from posharness_plugins.attentions._softmax_mix import softmax_mix


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.parametrize("masks", [0, 1, 2])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("block", [1, 2**18])
def test_softmax_mix(monkeypatch: pytest.MonkeyPatch, masks: int, temperature: float, block: int) -> None:
    monkeypatch.setattr(_blocks, "BLOCK", block)
    s, v = draw(2, 3, 5, 7).requires_grad_(), draw(2, 3, 7, 4).requires_grad_()
    mask = draw(masks, 1, 5, 7) > 0 if masks else None
    if mask is not None:
        mask[..., 3] = True
    hidden = s if mask is None else s.masked_fill(~mask, -torch.inf)
    weights = (hidden / temperature).softmax(-1)
    ours = softmax_mix(s, v, mask, temperature=temperature)
    plain = weights @ v, weights
    torch.testing.assert_close(ours, plain)
    probes = draw(2, 3, 5, 4), draw(2, 3, 5, 7)
    for used in ([0], [1], [0, 1]):
        gradients = [
            torch.autograd.grad(
                [made[i] for i in used],
                (s, v),
                [probes[i] for i in used],
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            for made in (ours, plain)
        ]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("block", [1, 50, 2**17])
def test_additive_scores_of_any_size(monkeypatch: pytest.MonkeyPatch, size: float, block: int) -> None:
    monkeypatch.setattr(_additive_scores, "BLOCK", block)
    x, y, u = ((size * draw(*shape)).requires_grad_() for shape in ((2, 3, 5, 4), (2, 3, 7, 4), (3, 4)))
    ours = additive_scores(x, y, u)
    plain = ((x[:, :, :, None] + y[:, :, None]).tanh() * u[:, None, None]).sum(-1)
    torch.testing.assert_close(ours, plain)
    probe = draw(*ours.shape)
    torch.testing.assert_close(*(torch.autograd.grad(made, (x, y, u), probe) for made in (ours, plain)))
