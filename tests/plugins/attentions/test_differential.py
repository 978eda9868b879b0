"""Differential attention equals equations 1 to 3 of 2410.05258, and works with rotary positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DiffLlamaConfig
from transformers.models.diffllama.modeling_diffllama import DiffLlamaAttention

from posharness.contracts import SLOTS, BoundSlots, Direction, Geometry, Incompatible
from posharness_plugins.attentions.differential import Differential
from posharness_plugins.encodings.rope import Rope

Fixture = Callable[..., Any]
WIDTH = 12
FIRST, SECOND = [0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]


@pytest.mark.parametrize("layer", [0, 4])
def test_equals_the_formula(
    case_of: Fixture,
    literal: Fixture,
    softmax: Fixture,
    gently: Fixture,
    equal: Fixture,
    parity: Fixture,
    layer: int,
) -> None:
    case = case_of(head_width=WIDTH, rewrites=False)
    place = Geometry(
        width=3 * WIDTH, heads=3, length=9, direction=case.geometry.direction, layers=5, layer=layer
    )
    attention = gently(Differential(place))
    query, key, gain = attention.query, attention.key, attention.gain
    start = 0.8 - 0.6 * math.exp(-0.3 * layer)
    share = torch.exp((query[0] * key[0]).sum()) - torch.exp((query[1] * key[1]).sum()) + start

    def weights(row: Any) -> list[Tensor]:
        maps = [
            softmax(row.encoded([(row.q[half] * k[half]).sum() / math.sqrt(WIDTH / 2) for k in row.keys]))
            for half in (FIRST, SECOND)
        ]
        return [one - share * two for one, two in zip(*maps, strict=True)]

    mixed = literal(case, weights)
    size = torch.sqrt((mixed**2).sum(-1, keepdim=True) / WIDTH + 1e-5)
    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, mixed / size * gain * (1 - start), [*case.leaves, query, key, gain])
    parity("differential", reference="2410.05258, equations 1 to 3", difference=found)
    assert attention.slots == set(SLOTS) - {"scores"}


def test_equals_transformers(
    direction: Direction, gently: Fixture, difference: Fixture, parity: Fixture
) -> None:
    """There, a head is two of half the width, and the values of two make one of ours."""
    config = DiffLlamaConfig(
        hidden_size=36,
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=6,
        attn_implementation="eager",
    )
    theirs = gently(DiffLlamaAttention(config, layer_idx=3))
    x = torch.randn(2, 7, 36, generator=torch.Generator().manual_seed(1)).requires_grad_()
    causal = torch.ones(1, 1, 7, 7, dtype=torch.bool).tril()
    mask = causal if direction == "causal" else None
    hidden = (
        torch.zeros(1, 1, 7, 7) if mask is None else torch.zeros(1, 1, 7, 7).masked_fill(~mask, -torch.inf)
    )
    unturned = torch.ones(2, 7, 6), torch.zeros(2, 7, 6)
    reference, _ = theirs(x, position_embeddings=unturned, attention_mask=hidden)

    ours = Differential(Geometry(width=36, heads=3, length=7, direction=direction, layers=4, layer=3))
    del ours.query, ours.key
    ours.query = torch.stack([theirs.lambda_q1, theirs.lambda_q2])
    ours.key = torch.stack([theirs.lambda_k1, theirs.lambda_k2])
    q, k, v = (
        getattr(theirs, f"{name}_proj")(x).unflatten(-1, (2, 3, 6)).permute(2, 0, 3, 1, 4) for name in "qkv"
    )
    interleaved = [torch.stack([half.unflatten(-1, (3, 2)) for half in (t[0], t[1])], -2) for t in (q, k)]
    out = ours(*(t.flatten(-3) for t in interleaved), torch.cat([v[0], v[1]], -1), mask, BoundSlots())
    mixed = theirs.o_proj(out.transpose(1, 2).flatten(2))
    found = difference(mixed, reference, [x, *theirs.parameters()])
    parity("differential", reference="transformers: DiffLlamaAttention", difference=found)


def test_rotary_positions_count_by_their_differences_alone(place_of: Fixture, direction: Direction) -> None:
    place = place_of(direction, head_width=WIDTH)
    attention, rope = Differential(place.geometry), Rope(place.geometry)

    def out(shift: int, stretch: int = 1) -> Tensor:
        positions = stretch * place.pos_q + shift, stretch * place.pos_k + shift
        q, k = rope.rotate(place.q, place.k, *positions)
        mixed: Tensor = attention(q, k, place.v, place.mask, BoundSlots())
        return mixed

    torch.testing.assert_close(out(100), out(0), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(out(0, stretch=2), out(0), atol=1e-2)


def test_the_first_half_turns_as_rotary_positions_of_half_the_width(place_of: Fixture) -> None:
    place = place_of("causal", head_width=WIDTH)
    narrow = Geometry(width=3 * WIDTH // 2, heads=3, length=32, direction="causal")
    positions = place.pos_q, place.pos_k
    whole, _ = Rope(place.geometry).rotate(place.q, place.k, *positions)
    half, _ = Rope(narrow).rotate(place.q[..., FIRST], place.k[..., FIRST], *positions)
    torch.testing.assert_close(whole[..., FIRST], half)


def test_a_head_that_cannot_be_shared_out_is_incompatible() -> None:
    with pytest.raises(Incompatible, match="must be a multiple of 4; got 6"):
        Differential(Geometry(width=18, heads=3, length=8, direction="causal"))
