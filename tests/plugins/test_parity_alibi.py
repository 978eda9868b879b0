"""ALiBi's penalties, and attention without any position, equal those of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertSelfAttention
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
from x_transformers.x_transformers import AlibiPositionalBias

from posharness.contracts import Direction
from posharness_plugins.encodings.alibi import Alibi
from posharness_plugins.encodings.none import NoEncoding

from .parity import plain

Fixture = Callable[..., Any]


@pytest.mark.parametrize("heads", [2, 3, 5])
def test_alibi_equals_transformers(
    place_of: Fixture, mixed_by: Fixture, difference: Fixture, parity: Fixture, heads: int
) -> None:
    place = place_of("causal", heads=heads, positions=range(31), only_keys=0)
    bloom = build_alibi_tensor(torch.ones(1, 31), heads, torch.float32)
    mpt = build_mpt_alibi_tensor(heads, 31)
    for name, bias in (("bloom: build_alibi_tensor", bloom), ("mpt: build_mpt_alibi_tensor", mpt)):
        found = difference(mixed_by(Alibi(place.geometry), place), plain(place, bias), place.leaves)
        parity("alibi", reference=f"transformers: {name}", difference=found)


@pytest.mark.parametrize("heads", [2, 3, 5])
def test_alibi_equals_x_transformers(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    difference: Fixture,
    parity: Fixture,
    heads: int,
) -> None:
    place = place_of(direction, heads=heads)
    bias = AlibiPositionalBias(heads).forward_custom_pos(place.pos_q, place.pos_k)
    found = difference(mixed_by(Alibi(place.geometry), place), plain(place, bias), place.leaves)
    parity("alibi", reference="x-transformers: AlibiPositionalBias", difference=found)


def test_none_is_bert_s_attention_without_its_positions(
    direction: Direction, place_of: Fixture, mixed_by: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of(direction, only_keys=0)
    config = BertConfig(hidden_size=21, num_attention_heads=3, attention_probs_dropout_prob=0.0)
    config._attn_implementation = "eager"
    bert = BertSelfAttention(config)
    for projection, heads in ((bert.query, place.q), (bert.key, place.k), (bert.value, place.v)):
        projected = heads.transpose(1, 2).flatten(2)
        projection.register_forward_hook(lambda *_, instead=projected: instead)
    mask = None if place.mask is None else torch.zeros(1, 1, 7, 7).masked_fill(~place.mask, -torch.inf)
    theirs, _ = bert(torch.zeros(2, 7, 21), mask)
    theirs = theirs.unflatten(-1, (3, 7)).transpose(1, 2)
    found = difference(mixed_by(NoEncoding(place.geometry), place), theirs, place.leaves)
    parity("none", reference="transformers: BertSelfAttention", difference=found)
