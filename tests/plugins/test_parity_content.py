"""Encodings that meet content equal those of other libraries, and their papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, silu
from transformers import DebertaV2Config, Wav2Vec2ConformerConfig, XLNetConfig, XLNetModel
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
    Wav2Vec2ConformerRelPositionalEmbedding,
    Wav2Vec2ConformerSelfAttention,
)
from transformers.models.xlnet.modeling_xlnet import XLNetRelativeAttention
from x_transformers.attend import Attend
from x_transformers.x_transformers import CoPE

from posharness.contracts import Direction
from posharness_plugins.encodings.alibi import Alibi
from posharness_plugins.encodings.cope import Cope
from posharness_plugins.encodings.dape import Dape
from posharness_plugins.encodings.deberta import Deberta
from posharness_plugins.encodings.forgetting_gate import ForgettingGate
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.path import Path
from posharness_plugins.encodings.transformer_xl import TransformerXL

Fixture = Callable[..., Any]


def plain(place: Any, s: Tensor) -> Tensor:
    """The values, mixed by scores that are all there is."""
    if place.mask is not None:
        s = s.masked_fill(~place.mask, -torch.inf)
    mixed: Tensor = s.softmax(-1) @ place.v
    return mixed


def scaled_dot(place: Any) -> Tensor:
    s: Tensor = place.q @ place.k.mT / math.sqrt(place.q.shape[-1])
    return s


def joined(heads: Tensor) -> Tensor:
    """b h n d to b n h·d, as other libraries' projections have it."""
    return heads.transpose(1, 2).flatten(2)


def parted(out: Tensor, place: Any) -> Tensor:
    heads: Tensor = out.view(len(out), -1, *place.q.shape[1::2]).transpose(1, 2)
    return heads


def project_to(projection: nn.Module, heads: Tensor) -> None:
    """Have a projection give these, whatever it is given."""
    projection.register_forward_hook(lambda *_: joined(heads))


def with_weights(encoding: Any, **weights: Tensor) -> Any:
    """The encoding with a reference's weights in the place of its own, so that both have one gradient."""
    for name, weight in weights.items():
        assert getattr(encoding, name).shape == weight.shape
        delattr(encoding, name)
        setattr(encoding, name, weight)
    return encoding


@torch.no_grad()
def as_projections(*weights: Tensor, width: int) -> None:
    """Bring weights to the scale of maps from that width, so that scores of order one come out."""
    for weight in weights:
        weight.mul_(width**-0.5)


def added_mask(place: Any) -> Tensor:
    n = place.k.shape[2]
    mask = torch.zeros(1, 1, n, n)
    return mask if place.mask is None else mask.masked_fill(~place.mask, -torch.inf)


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


@pytest.mark.parametrize("base", [Kerple, Alibi, ForgettingGate])
def test_dape_s_formula(
    base: type[Any],
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
) -> None:
    """The network sees one pair of positions at a time, all heads of it."""
    for direction in sorted(base.directions):
        place = place_of(direction)
        encoding = randomised(Dape(place.geometry, base=base(place.geometry), hidden=11))
        as_projections(encoding.inner.weight, width=6)
        as_projections(encoding.outer.weight, width=11)
        network = nn.Sequential(encoding.inner, nn.LeakyReLU(), encoding.outer)
        bias = encoding.base.bias(place.pos_q, place.pos_k, place.x).expand(2, -1, -1, -1)
        s = scaled_dot(place)
        pairs = [
            s[b, :, i, j] + bias[b, :, i, j] + network(torch.cat([s[b, :, i, j], bias[b, :, i, j]]))
            for b in range(2)
            for i in range(5)
            for j in range(7)
        ]
        reference = torch.stack(pairs).view(2, 5, 7, 3).permute(0, 3, 1, 2)
        found = difference(
            mixed_by(encoding, place), plain(place, reference), [*place.leaves, *encoding.parameters()]
        )
        parity("dape", reference="its equation in 2405.14722, section 3", difference=found)


@pytest.mark.parametrize("max_pos", [4, 11, 32])
def test_cope_equals_x_transformers(
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
    max_pos: int,
) -> None:
    # No count of these keys is within 1e-4 of a whole number, where the slope jumps.
    place = place_of("causal", positions=range(23), only_keys=6)
    theirs = randomised(CoPE(7, heads=3, max_pos=max_pos))
    as_projections(theirs.pos_emb, width=7)
    out, _ = Attend(causal=True, cope=theirs, heads=3)(place.q, place.k, place.v)
    ours = with_weights(Cope(place.geometry, max_pos=max_pos), vectors=theirs.pos_emb)
    found = difference(mixed_by(ours, place), out, [*place.leaves, theirs.pos_emb])
    parity("cope", reference="x-transformers: CoPE", difference=found)


def test_cope_s_formula(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of("causal")
    encoding = randomised(Cope(place.geometry, max_pos=4))
    s = scaled_dot(place)

    def score(b: int, h: int, i: int, j: int) -> Tensor:
        p = s[b, h, i, j : i + 3].sigmoid().sum().clamp(max=3)
        low = math.floor(p.item())
        e = encoding.vectors[low] * (1 - p + low) + encoding.vectors[min(low + 1, 3)] * (p - low)
        return s[b, h, i, j] + place.q[b, h, i] @ e

    rows = [
        score(b, h, i, j) if j <= i + 2 else s.new_zeros(())
        for b in range(2)
        for h in range(3)
        for i in range(5)
        for j in range(7)
    ]
    found = difference(
        mixed_by(encoding, place),
        plain(place, torch.stack(rows).view(2, 3, 5, 7)),
        [*place.leaves, *encoding.parameters()],
    )
    parity("cope", reference="its equations in 2405.18719, section 4", difference=found)


@pytest.mark.parametrize(("tokens", "only_keys"), [(7, 2), (31, 0), (67, 0), (67, 29)])
def test_path_s_formula(
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
    tokens: int,
    only_keys: int,
) -> None:
    """Every product of Householder matrices multiplied out, at lengths that need one chunk and several."""
    place = place_of("causal", positions=range(2, 2 + 3 * tokens, 3), only_keys=only_keys)
    encoding = randomised(Path(place.geometry, rank=5))
    as_projections(encoding.down.weight, encoding.strength.weight, width=21)
    as_projections(encoding.up.weight, width=5)
    low = place.x @ encoding.down.weight.T @ encoding.up.weight.T
    before = torch.cat([low.new_zeros(2, 2, 21), low], 1).mT
    mixed = silu(conv1d(before, encoding.mix.weight, groups=21)).view(2, 3, 7, tokens)
    w = mixed / mixed.square().sum(2, keepdim=True).sqrt()
    beta = 2 * (place.x @ encoding.strength.weight.T + encoding.strength.bias).sigmoid().mT  # b h t
    outer = torch.einsum("bhct,bhdt->tbhcd", w, w)
    reflections = torch.eye(7) - beta.permute(2, 0, 1)[..., None, None] * outer  # t b h d d
    columns = []
    for j in range(tokens):
        product = torch.eye(7).expand(2, 3, 7, 7)
        column = [place.q.new_zeros(2, 3)] * max(0, j - only_keys)
        for i in range(j, tokens):
            product = reflections[i] @ product if i > j else product
            if i >= only_keys:
                q = place.q[:, :, i - only_keys]
                column.append(torch.einsum("bhc,bhcd,bhd->bh", q, product, place.k[:, :, j]))
        columns.append(torch.stack(column, -1))
    reference = plain(place, torch.stack(columns, -1) / math.sqrt(7))
    found = difference(mixed_by(encoding, place), reference, [*place.leaves, *encoding.parameters()])
    parity("path", reference="its equation in 2505.16381, section 3", difference=found)
