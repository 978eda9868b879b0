"""DAPE, CoPE and PaTH equal those of other libraries, and their papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, silu
from x_transformers.attend import Attend
from x_transformers.x_transformers import CoPE

from posharness_plugins.encodings.alibi import Alibi
from posharness_plugins.encodings.cope import Cope
from posharness_plugins.encodings.dape import Dape
from posharness_plugins.encodings.forgetting_gate import ForgettingGate
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.path import Path

from .reference import as_projections, with_weights

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
