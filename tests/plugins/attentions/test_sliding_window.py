"""Sliding-window attention equals softmax attention to the tokens of the window, whoever draws it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LongformerConfig, MistralConfig
from transformers.masking_utils import sliding_window_causal_mask_function
from transformers.models.longformer.modeling_longformer import LongformerSelfAttention
from transformers.models.mistral.modeling_mistral import MistralAttention

from posharness.contracts import SLOTS, BoundSlots, Geometry, UserError
from posharness_plugins.attentions.sliding_window import SlidingWindow
from posharness_plugins.attentions.softmax import Softmax

Fixture = Callable[..., Any]


@pytest.mark.parametrize("window", [1, 3])
def test_equals_the_formula(
    case_of: Fixture, literal: Fixture, softmax: Fixture, equal: Fixture, parity: Fixture, window: int
) -> None:
    case = case_of()

    def weights(row: Any) -> list[Tensor]:
        near = [abs(row.own - j) < window for j in row.seen]
        scores = row.encoded([(row.q * k).sum() / math.sqrt(11) for k in row.keys])
        inside = iter(softmax([s for s, n in zip(scores, near, strict=True) if n]))
        return [next(inside) if n else torch.zeros(()) for n in near]

    attention = SlidingWindow(case.geometry, window=window)
    ours, theirs = attention(case.q, case.k, case.v, case.mask, case.slots), literal(case, weights)
    # What padding reads is nobody's business: the last two tokens of the second sequence.
    padding = torch.zeros(2, 1, 5, 1, dtype=torch.bool)
    padding[1, :, 3:] = case.mask is not None and len(case.mask) == 2
    found = equal(ours.masked_fill(padding, 0), theirs.masked_fill(padding, 0), case.leaves)
    parity("sliding_window", reference="2004.05150, section 3.1, element by element", difference=found)
    assert attention.slots == set(SLOTS)


def split(x: Tensor, weight: Tensor, heads: int) -> Tensor:
    return (x @ weight.T).unflatten(-1, (heads, -1)).transpose(1, 2)


@pytest.mark.parametrize("window", [1, 4, 7])
def test_causal_equals_transformers(
    gently: Fixture, difference: Fixture, parity: Fixture, window: int
) -> None:
    config = MistralConfig(
        hidden_size=18,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=6,
        sliding_window=window,
        attn_implementation="eager",
    )
    theirs = gently(MistralAttention(config, layer_idx=0))
    x = torch.randn(2, 11, 18, generator=torch.Generator().manual_seed(1)).requires_grad_()
    at = torch.arange(11)
    seen = sliding_window_causal_mask_function(window)(0, 0, at[:, None], at)
    hidden = torch.where(seen, 0.0, torch.finfo(x.dtype).min)[None, None]
    unturned = torch.ones(2, 11, 6), torch.zeros(2, 11, 6)
    reference, _ = theirs(x, position_embeddings=unturned, attention_mask=hidden)

    geometry = Geometry(width=18, heads=3, length=11, direction="causal")
    q, k, v = (split(x, getattr(theirs, f"{name}_proj").weight, 3) for name in "qkv")
    causal = torch.ones(1, 1, 11, 11, dtype=torch.bool).tril()
    out = SlidingWindow(geometry, window=window)(q, k, v, causal, BoundSlots())
    ours = theirs.o_proj(out.transpose(1, 2).flatten(2))
    found = difference(ours, reference, [x, *theirs.parameters()])
    parity("sliding_window", reference="transformers: MistralAttention", difference=found)


def test_bidirectional_equals_transformers(gently: Fixture, difference: Fixture, parity: Fixture) -> None:
    window, real = 3, 11
    config = LongformerConfig(
        hidden_size=15,
        num_attention_heads=3,
        attention_window=[2 * (window - 1)],
        attention_probs_dropout_prob=0.0,
    )
    theirs = gently(LongformerSelfAttention(config, layer_id=0))
    x = torch.randn(2, 12, 15, generator=torch.Generator().manual_seed(1)).requires_grad_()
    padding = torch.arange(12) >= real
    reference, *_ = theirs(
        x,
        attention_mask=torch.where(padding, torch.finfo(torch.float32).min, 0.0).expand(2, -1),
        is_index_masked=padding.expand(2, -1),
        is_index_global_attn=torch.zeros(2, 12, dtype=torch.bool),
        is_global_attn=False,
    )

    geometry = Geometry(width=15, heads=3, length=12, direction="bidirectional")
    q, k, v = (
        (layer(x)).unflatten(-1, (3, -1)).transpose(1, 2)
        for layer in (theirs.query, theirs.key, theirs.value)
    )
    seen = ~padding.expand(1, 1, 12, 12)
    out = SlidingWindow(geometry, window=window)(q, k, v, seen, BoundSlots())
    leaves = [x, *(p for layer in (theirs.query, theirs.key, theirs.value) for p in layer.parameters())]
    found = difference(out.transpose(1, 2).flatten(2)[:, :real], reference[:, :real], leaves)
    parity("sliding_window", reference="transformers: LongformerSelfAttention", difference=found)


@pytest.mark.parametrize("masked", ["none", "causal"], indirect=True)
def test_a_window_as_long_as_the_sequence_is_softmax_attention(case_of: Fixture) -> None:
    case = case_of()
    inputs = (case.q, case.k, case.v, case.mask, case.slots)
    torch.testing.assert_close(
        SlidingWindow(case.geometry, window=7)(*inputs), Softmax(case.geometry)(*inputs)
    )


def test_padding_far_from_any_real_token_stays_finite(place: Any) -> None:
    x = torch.randn(1, 3, 9, 7, generator=torch.Generator().manual_seed(1)).requires_grad_()
    mask = (torch.arange(9) < 2).expand(1, 1, 9, 9)
    out = SlidingWindow(place.geometry, window=2)(x, x, x, mask, BoundSlots())
    out.sum().backward()
    assert x.grad is not None
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_a_window_is_not_between_two_sequences(place: Any) -> None:
    with pytest.raises(ValueError, match="7 queries are not the last tokens of a sequence of 5 keys"):
        SlidingWindow(place.geometry)(place.k, place.q, place.q, None, BoundSlots())


def test_a_window_without_the_token_itself_is_refused(place: Any) -> None:
    with pytest.raises(UserError, match=r"window=0.*1 or more"):
        SlidingWindow(place.geometry, window=0)
