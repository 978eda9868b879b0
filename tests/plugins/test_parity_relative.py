"""Vectors for positions equal those of other libraries, and Shaw's values their equation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, Wav2Vec2BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings
from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import Wav2Vec2BertSelfAttention
from x_transformers.x_transformers import ScaledSinusoidalEmbedding

from posharness.contracts import Direction
from posharness_plugins.encodings.absolute import Absolute
from posharness_plugins.encodings.learned import Learned
from posharness_plugins.encodings.relative import Relative

from .reference import added_mask, parted, project_to, with_weights

Fixture = Callable[..., Any]


def test_relative_keys_equal_wav2vec2_bert(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
) -> None:
    place = place_of(direction, positions=range(29, 42), only_keys=0)
    config = Wav2Vec2BertConfig(
        hidden_size=21,
        num_attention_heads=3,
        attention_dropout=0.0,
        position_embeddings_type="relative_key",
        left_max_position_embeddings=5,
        right_max_position_embeddings=5,
    )
    config._attn_implementation = "eager"
    theirs = randomised(Wav2Vec2BertSelfAttention(config))
    for projection, heads in (
        (theirs.linear_q, place.q),
        (theirs.linear_k, place.k),
        (theirs.linear_v, place.v),
    ):
        project_to(projection, heads)
    theirs.linear_out = nn.Identity()
    out, _ = theirs(torch.zeros(2, 13, 21), added_mask(place))
    weight = theirs.distance_embedding.weight
    ours = with_weights(Relative(place.geometry, clip=5, values=False), keys=weight)
    found = difference(mixed_by(ours, place), parted(out, place), [*place.leaves, weight])
    parity(
        "relative",
        reference="transformers: Wav2Vec2BertSelfAttention, relative_key",
        what="values, gradients (keys only)",
        difference=found,
    )


def test_relative_keys_and_values_equal_their_equations(
    place: Any, mixed_by: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    """A vector of its own for each pair, as the paper writes it down."""
    encoding = randomised(Relative(place.geometry, clip=5))
    rows = [[max(-5, min(5, j - i)) + 5 for j in place.pos_k.tolist()] for i in place.pos_q.tolist()]
    keys, values = (table[torch.tensor(rows)] for table in (encoding.keys, encoding.mixed))  # q k d
    s = torch.einsum("bhqd,bhqkd->bhqk", place.q, place.k[:, :, None] + keys) / math.sqrt(7)
    if place.mask is not None:
        s = s.masked_fill(~place.mask, -torch.inf)
    reference = torch.einsum("bhqk,bhqkd->bhqd", s.softmax(-1), place.v[:, :, None] + values)
    found = difference(mixed_by(encoding, place), reference, [*place.leaves, *encoding.parameters()])
    parity("relative", reference="its equations 3 and 4 in 1803.02155", difference=found)


def test_absolute_equals_x_transformers(
    place_of: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of("causal", head_width=14)
    theirs = randomised(ScaledSinusoidalEmbedding(42))
    sines, cosines = theirs(place.x, pos=place.pos_k).chunk(2, -1)
    ours = with_weights(Absolute(place.geometry, scaled=True), scale=theirs.scale[0])
    found = difference(
        ours.embed(place.x, place.pos_k),
        place.x + torch.stack([sines, cosines], -1).flatten(1),
        [place.x, theirs.scale],
    )
    parity("absolute", reference="x-transformers: ScaledSinusoidalEmbedding", difference=found)


def test_learned_equals_bert(place: Any, randomised: Fixture, difference: Fixture, parity: Fixture) -> None:
    """Before the LayerNorm that BERT's embeddings end in, which both get here."""
    config = BertConfig(hidden_size=21, max_position_embeddings=37, hidden_dropout_prob=0.0, vocab_size=2)
    theirs = randomised(BertEmbeddings(config))
    nn.init.zeros_(theirs.token_type_embeddings.weight)
    weight = theirs.position_embeddings.weight
    ours = with_weights(Learned(place.geometry, max_length=37), table=weight)
    found = difference(
        theirs.LayerNorm(ours.embed(place.x, place.pos_k)),
        theirs(inputs_embeds=place.x, position_ids=place.pos_k[None]),
        [place.x, weight],
    )
    parity("learned", reference="transformers: BertEmbeddings", difference=found)
