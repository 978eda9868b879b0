"""What holds of every attention: padding and the future are not read, and numbers stay finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import Attention, BoundSlots, Direction, Geometry
from posharness_plugins.attentions import posharness_attentions

HEADS, WIDTH, REAL, LENGTH = 3, 12, 8, 11
PLACES: list[tuple[type[Attention], Direction]] = [
    (cls, direction) for cls in posharness_attentions() for direction in sorted(cls.directions)
]
CAUSAL = [place for place in PLACES if place[1] == "causal"]


def named(place: tuple[type[Attention], Direction]) -> str:
    return f"{place[0].name}, {place[1]}"


@pytest.fixture(params=PLACES, ids=named)
def attention(request: pytest.FixtureRequest, gently: Callable[[nn.Module], Attention]) -> Attention:
    cls, direction = request.param
    return gently(cls(Geometry(width=HEADS * WIDTH, heads=HEADS, length=LENGTH, direction=direction)))


def draw(length: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, HEADS, length, WIDTH, generator=generator).requires_grad_() for _ in range(3)]


def padded(attention: Attention, length: int, real: int) -> Tensor:
    """The mask that a body gives for sequences whose tokens from `real` on are padding."""
    mask = (torch.arange(length) < real).expand(2, 1, length, length)
    return mask.tril() if attention.geometry.direction == "causal" else mask


def read(out: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """How much `out` depends on each token, for each of queries, keys and values."""
    probe = torch.randn(out.shape, generator=torch.Generator().manual_seed(5), dtype=out.dtype)
    gradients = torch.autograd.grad((out * probe).sum(), inputs, allow_unused=True, materialize_grads=True)
    return [gradient.abs().sum((0, 1, 3)) for gradient in gradients]


def test_padding_changes_no_real_token(attention: Attention) -> None:
    inputs = draw(LENGTH)
    spoiled = [x.detach().clone() for x in inputs]
    for x in spoiled:
        x[:, :, REAL:] = 1e4
    mask = padded(attention, LENGTH, REAL)
    out = attention(*inputs, mask, BoundSlots())[:, :, :REAL]
    assert torch.equal(out, attention(*spoiled, mask, BoundSlots())[:, :, :REAL])
    assert not any(found[REAL:].any() for found in read(out, inputs))
    short = [x[:, :, :REAL] for x in inputs]
    alone = attention(*short, padded(attention, REAL, REAL), BoundSlots())
    torch.testing.assert_close(out, alone, atol=1e-5, rtol=1e-5)


def test_padding_itself_stays_finite(attention: Attention) -> None:
    inputs = draw(61)
    out = attention(*inputs, padded(attention, 61, 2), BoundSlots())
    assert out.isfinite().all()
    assert all(found.isfinite().all() for found in read(out, inputs))


@pytest.mark.parametrize("attention", CAUSAL, ids=named, indirect=True)
def test_a_causal_token_reads_no_later_one(attention: Attention) -> None:
    inputs = draw(LENGTH)
    for position in range(LENGTH):
        out = attention(*inputs, padded(attention, LENGTH, LENGTH), BoundSlots())
        _, k, v = read(out[:, :, position], inputs)
        assert not k[position + 1 :].any()
        assert not v[position + 1 :].any()


@pytest.mark.parametrize("length", [1, 8 * LENGTH])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_finite_at_one_token_and_far_beyond_the_training_length(
    attention: Attention, length: int, dtype: torch.dtype
) -> None:
    inputs = [x.detach().to(dtype).requires_grad_() for x in draw(length)]
    mask = padded(attention, length, length)
    # An encoding may make its bias in float32, whatever the model computes in.
    distance = (torch.arange(length)[:, None] - torch.arange(length)).abs().float()
    acts = {
        "bias": -distance.expand(1, HEADS, -1, -1),
        "scores": lambda s: 2 * s,
        "values": lambda out, weights: out + weights @ out.new_ones(length, 1),
    }
    honoured = {slot: act for slot, act in acts.items() if slot in attention.slots}
    fused = {slot: act for slot, act in honoured.items() if slot == "bias"}
    for slots in ({}, fused, honoured):
        out = attention.to(dtype)(*inputs, mask, BoundSlots(**slots))
        assert out.dtype == dtype
        assert out.isfinite().all()
        assert all(found.isfinite().all() for found in read(out, inputs))


def test_scores_beyond_any_sensible_size_stay_finite(attention: Attention) -> None:
    inputs = [(100 * x.detach()).requires_grad_() for x in draw(LENGTH)]
    out = attention(*inputs, padded(attention, LENGTH, LENGTH), BoundSlots())
    assert out.isfinite().all()
    assert all(found.isfinite().all() for found in read(out, inputs))


def test_every_parameter_learns(attention: Attention) -> None:
    out = attention(*draw(LENGTH), padded(attention, LENGTH, LENGTH), BoundSlots())
    probe = torch.randn(out.shape, generator=torch.Generator().manual_seed(5))
    for parameter in attention.parameters():
        (gradient,) = torch.autograd.grad((out * probe).sum(), parameter, retain_graph=True)
        assert gradient.any()


@pytest.mark.parametrize(
    "attention",
    [place for place in PLACES if place[0].supports_cross_attention and place[1] == "bidirectional"],
    ids=named,
    indirect=True,
)
@pytest.mark.parametrize("keys", [1, 5, 23])
def test_a_query_reads_another_sequence_of_any_length_by_itself(attention: Attention, keys: int) -> None:
    q, _, _ = draw(LENGTH)
    _, k, v = draw(keys)
    mask = torch.arange(keys) < torch.tensor([keys, max(1, keys - 2)])[:, None, None, None]
    out = attention(q, k, v, mask.expand(2, 1, LENGTH, keys), BoundSlots())
    alone = [
        attention(q[:, :, i : i + 1], k, v, mask.expand(2, 1, 1, keys), BoundSlots()) for i in range(LENGTH)
    ]
    torch.testing.assert_close(out, torch.cat(alone, 2), atol=1e-5, rtol=1e-5)
