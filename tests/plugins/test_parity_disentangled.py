"""Transformer-XL and DeBERTa equal those of transformers, and their papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import DebertaV2Config, Wav2Vec2ConformerConfig, XLNetConfig, XLNetModel
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
    Wav2Vec2ConformerRelPositionalEmbedding,
    Wav2Vec2ConformerSelfAttention,
)
from transformers.models.xlnet.modeling_xlnet import XLNetRelativeAttention

from posharness.contracts import Direction
from posharness_plugins.encodings.deberta import Deberta
from posharness_plugins.encodings.transformer_xl import TransformerXL

from .reference import added_mask, as_projections, parted, project_to, with_weights

Fixture = Callable[..., Any]


def test_transformer_xl_equals_conformer(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
) -> None:
    place = place_of(direction, head_width=14, positions=range(17, 40), only_keys=0)
    config = Wav2Vec2ConformerConfig(
        hidden_size=42, num_attention_heads=3, attention_dropout=0.0, position_embeddings_type="relative"
    )
    config._attn_implementation = "eager"
    theirs = randomised(Wav2Vec2ConformerSelfAttention(config))
    for projection, heads in (
        (theirs.linear_q, place.q),
        (theirs.linear_k, place.k),
        (theirs.linear_v, place.v),
    ):
        project_to(projection, heads)
    theirs.linear_out = nn.Identity()
    as_projections(theirs.linear_pos.weight, width=42)
    nothing = torch.zeros(2, 23, 42)
    distances = Wav2Vec2ConformerRelPositionalEmbedding(config)(nothing)
    out, _ = theirs(nothing, added_mask(place), distances)
    weights = [theirs.linear_pos.weight, theirs.pos_bias_u, theirs.pos_bias_v]
    ours = with_weights(
        TransformerXL(place.geometry),
        project=weights[0].view(3, 14, 42),
        u=weights[1],
        v=weights[2],
    )
    found = difference(mixed_by(ours, place), parted(out, place), [*place.leaves, *weights])
    parity(
        "transformer_xl", reference="transformers: Wav2Vec2ConformerSelfAttention, relative", difference=found
    )


@pytest.mark.parametrize("memory", [0, 5])
def test_transformer_xl_equals_xlnet(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
    memory: int,
) -> None:
    place = place_of(direction, head_width=14, positions=range(23), only_keys=memory)
    config = XLNetConfig(d_model=42, n_head=3, n_layer=1, d_inner=5, dropout=0.0, vocab_size=2)
    theirs = randomised(XLNetRelativeAttention(config))
    as_projections(theirs.r, width=42)
    waves = XLNetModel(config).relative_positional_encoding(23 - memory, 23, bsz=1)
    q, k, v = (heads.permute(2, 0, 1, 3) for heads in (place.q, place.k, place.v))  # n b h d
    r = torch.einsum("nbw,whd->nbhd", waves, theirs.r).expand(-1, 2, -1, -1)
    hidden = None if place.mask is None else (~place.mask[0, 0, :, :, None, None]).float()
    out = theirs.rel_attn_core(q, k, v, r, attn_mask=hidden).permute(1, 2, 0, 3)
    weights = [theirs.r, theirs.r_w_bias, theirs.r_r_bias]
    sines, cosines = weights[0].permute(1, 2, 0).chunk(2, -1)  # each h d c
    ours = with_weights(
        TransformerXL(place.geometry),
        project=torch.stack([sines, cosines], -1).flatten(2),
        u=weights[1],
        v=weights[2],
    )
    found = difference(mixed_by(ours, place), out, [*place.leaves, *weights])
    parity("transformer_xl", reference="transformers: XLNetRelativeAttention", difference=found)


@pytest.mark.parametrize("squeeze", [1.0, 0.3])
def test_transformer_xl_s_formula(
    place_of: Fixture,
    direction: Direction,
    agrees: Fixture,
    randomised: Fixture,
    parity: Fixture,
    squeeze: float,
) -> None:
    """At gapped positions, and at fractional ones."""
    place = place_of(direction, positions=[squeeze * p for p in (3, 4, 6, 9, 10, 15, 31)])
    encoding = randomised(TransformerXL(place.geometry))
    as_projections(encoding.project, width=21)

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        angles = [(i - j) * 10000 ** (-2 * c / 21) for c in range(11)]
        r = torch.tensor([wave(a) for a in angles for wave in (math.sin, math.cos)])
        met = (q + encoding.u[h]) @ k + (q + encoding.v[h]) @ (encoding.project[h] @ r)
        return met / math.sqrt(7)

    parity(
        "transformer_xl",
        reference="its equation in 1901.02860, section 3.3",
        difference=agrees(encoding, place, score),
    )


@pytest.mark.parametrize(
    ("length", "span", "buckets"), [(11, 5, -1), (11, 13, -1), (97, 8, 41), (97, 13, 59)]
)
def test_deberta_equals_transformers(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
    length: int,
    span: int,
    buckets: int,
) -> None:
    """With distances clipped, and shared in geometric steps: there `buckets` is the largest distance."""
    log = buckets > 0
    place = place_of(direction, positions=range(3, 3 + length), only_keys=0)
    config = DebertaV2Config(
        hidden_size=21,
        num_attention_heads=3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        relative_attention=True,
        pos_att_type="c2p|p2c",
        max_relative_positions=buckets if log else span,
        position_buckets=span if log else -1,
    )
    theirs = randomised(DisentangledSelfAttention(config))
    for projection, heads in (
        (theirs.query_proj, place.q),
        (theirs.key_proj, place.k),
        (theirs.value_proj, place.v),
    ):
        project_to(projection, heads)
    vectors = torch.randn(2 * span, 21, generator=torch.Generator().manual_seed(2)).requires_grad_()
    weights = [theirs.pos_key_proj.weight, theirs.pos_query_proj.weight]
    as_projections(*weights, width=21)
    nn.init.zeros_(theirs.pos_key_proj.bias)
    nn.init.zeros_(theirs.pos_query_proj.bias)
    out, _ = theirs(torch.zeros(2, length, 21), added_mask(place) == 0, rel_embeddings=vectors)
    ours = with_weights(
        Deberta(place.geometry, span=span, log=log, max_distance=buckets if log else None),
        vectors=vectors[span:] if direction == "causal" else vectors,
        key=weights[0].view(3, 7, 21).mT,
        query=weights[1].view(3, 7, 21).mT,
    )
    found = difference(mixed_by(ours, place), parted(out, place), [*place.leaves, vectors, *weights])
    parity("deberta", reference="transformers: DisentangledSelfAttention (DeBERTa-v2)", difference=found)


@pytest.mark.parametrize("squeeze", [1.0, 0.3])
def test_deberta_s_formula(
    place_of: Fixture,
    direction: Direction,
    agrees: Fixture,
    randomised: Fixture,
    parity: Fixture,
    squeeze: float,
) -> None:
    place = place_of(direction, positions=[squeeze * p for p in (3, 4, 6, 9, 10, 15, 31)])
    encoding = randomised(Deberta(place.geometry, span=5))
    as_projections(encoding.key, encoding.query, width=21)

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        delta = max(0, min(9, round(i - j) + 5))
        p = encoding.vectors[delta - 5 if direction == "causal" else delta]
        return (q @ k + q @ (p @ encoding.key[h]) + k @ (p @ encoding.query[h])) / math.sqrt(3 * 7)

    parity(
        "deberta",
        reference="its equations in 2006.03654, section 3.1",
        difference=agrees(encoding, place, score),
    )
