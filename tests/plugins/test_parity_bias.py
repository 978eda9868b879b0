"""Biases equal those of other libraries, and their papers' formulas where these have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import T5Config
from transformers.models.swin.modeling_swin import SwinRelativePositionBias
from transformers.models.t5.modeling_t5 import T5Attention
from x_transformers.x_transformers import DataDependentAlibi, RelativePositionBias

from posharness.contracts import Direction
from posharness_plugins.encodings._by_distance import Buckets
from posharness_plugins.encodings.fire import Fire
from posharness_plugins.encodings.forgetting_gate import ForgettingGate
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.sandwich import Sandwich
from posharness_plugins.encodings.t5 import T5
from posharness_plugins.encodings.table_bias import TableBias
from posharness_plugins.encodings.tupe import Tupe

from .parity import plain

Fixture = Callable[..., Any]
FAR = range(149)
"""Positions that reach into T5's last bucket."""


def scaled_dot(q: Tensor, k: Tensor, d: int = 1) -> Tensor:
    return (q * k).sum() / math.sqrt(d * len(q))


def with_table(encoding: Any, table: Tensor) -> Any:
    """The encoding with a reference's table in the place of its own, so that both have one gradient."""
    assert encoding.table.shape == table.shape
    del encoding.table
    encoding.table = table
    return encoding


@pytest.mark.parametrize("scaled", [False, True])
def test_t5_equals_transformers(
    direction: Direction,
    place_of: Fixture,
    mixed_by: Fixture,
    randomised: Fixture,
    difference: Fixture,
    parity: Fixture,
    scaled: bool,
) -> None:
    place = place_of(direction, positions=FAR, only_keys=0)
    config = T5Config(d_model=21, d_kv=7, num_heads=3, is_decoder=direction == "causal")
    theirs = randomised(T5Attention(config, has_relative_attention_bias=True, layer_idx=0))
    weight = theirs.relative_attention_bias.weight
    found = difference(
        mixed_by(with_table(T5(place.geometry, scaled=scaled), weight.T), place),
        plain(place, theirs.compute_bias(149, 149), scale=None if scaled else theirs.scaling),
        [*place.leaves, weight],
    )
    parity("t5", reference="transformers: T5Attention", difference=found)


def test_t5_equals_x_transformers(
    direction: Direction, place_of: Fixture, mixed_by: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of(direction, positions=FAR, only_keys=12)
    theirs = RelativePositionBias(scale=1.0, causal=direction == "causal", heads=3)
    weight = theirs.relative_attention_bias.weight
    found = difference(
        mixed_by(with_table(T5(place.geometry), weight.T), place),
        plain(place, theirs(137, 149)),
        [*place.leaves, weight],
    )
    parity("t5", reference="x-transformers: RelativePositionBias", difference=found)


@pytest.mark.parametrize(("buckets", "max_distance"), [(32, 128), (16, 64), (20, 61), (8, 1000)])
def test_t5_buckets_at_every_distance(
    place: Any, direction: Direction, buckets: int, max_distance: int
) -> None:
    far = torch.arange(0, 2003)
    theirs = T5Attention._relative_position_bucket(
        far - 1001, direction == "bidirectional", num_buckets=buckets, max_distance=max_distance
    )
    ours = Buckets(place.geometry, buckets=buckets, max_distance=max_distance)
    assert ours(far - 1001).tolist() == theirs.tolist()


def test_table_bias_equals_swin(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of("bidirectional", positions=range(13), only_keys=0)
    theirs = randomised(SwinRelativePositionBias(3, (1, 32)))
    table = theirs.relative_position_bias_table
    found = difference(
        # Swin's rows count i − j, ours j − i.
        mixed_by(with_table(TableBias(place.geometry), table.flip(0).T), place),
        plain(place, theirs()[:, :, :13, :13]),
        [*place.leaves, table],
    )
    parity("table_bias", reference="transformers: SwinRelativePositionBias, one axis", difference=found)


def test_table_bias_equals_its_formula(
    place: Any, direction: Direction, agrees: Fixture, randomised: Fixture, parity: Fixture
) -> None:
    encoding = randomised(TableBias(place.geometry))

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        return scaled_dot(q, k) + encoding.table[h, int(i - j if direction == "causal" else j - i + 31)]

    found = agrees(encoding, place, score)
    parity("table_bias", reference="2103.14030, equation 4, one axis", difference=found)


@pytest.mark.parametrize("form", ["log", "power"])
def test_kerple(place: Any, agrees: Fixture, parity: Fixture, form: Any) -> None:
    encoding = Kerple(place.geometry, form=form)
    with torch.no_grad():
        encoding.r1.view(-1).copy_(torch.tensor([0.3, 1.1, 1.7]))
        encoding.r2.view(-1).copy_(torch.tensor([0.9, 0.2, 1.6]))

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        r1, r2, distance = encoding.r1[h, 0, 0], encoding.r2[h, 0, 0], abs(i - j)
        if form == "log":
            return scaled_dot(q, k) - r1 * (1 + r2 * distance).log()
        return scaled_dot(q, k) - r1 * torch.tensor(distance) ** r2

    found = agrees(encoding, place, score)
    parity("kerple", reference=f"2205.09921, {form} variant", difference=found)


def test_sandwich(place_of: Fixture, agrees: Fixture, parity: Fixture) -> None:
    place = place_of("causal")
    encoding = Sandwich(place.geometry, width=22)

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        products = [
            math.sin(i * f) * math.sin(j * f) + math.cos(i * f) * math.cos(j * f)
            for f in (10000 ** (-2 * c / 22) for c in range(1, 12))
        ]
        return scaled_dot(q, k) + (sum(products) - 11) / (8 * (h + 1) / 3)

    found = agrees(encoding, place, score)
    parity("sandwich", reference="2212.10356, products of sinusoids", difference=found)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("threshold", [0.5, 11.0])
def test_fire(
    place: Any, agrees: Fixture, randomised: Fixture, parity: Fixture, signed: bool, threshold: float
) -> None:
    encoding = randomised(Fire(place.geometry, hidden=5, threshold=threshold, signed=signed))
    c, factor = encoding.c, encoding.factor
    (w1, b1), (w2, b2) = encoding.inner.parameters(), encoding.outer.parameters()

    def psi(n: Tensor) -> Tensor:
        return (c.abs() * n + 1).log()

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        # To the left of the query max(i, j) is i: the paper's formula.
        farthest = torch.maximum(torch.tensor(max(i, j)), (threshold * factor).abs())
        z = psi(torch.tensor(abs(i - j))) / (psi(farthest) + 1e-6)
        if signed and j > i:
            z = -z
        hidden = [torch.relu(w1[m, 0] * z + b1[m]) for m in range(5)]
        return scaled_dot(q, k) + sum(w2[h, m] * hidden[m] for m in range(5)) + b2[h]

    found = agrees(encoding, place, score)
    parity("fire", reference="2310.04418, section 3", difference=found)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("untie", [False, True])
def test_tupe(
    place: Any,
    direction: Direction,
    agrees: Fixture,
    randomised: Fixture,
    parity: Fixture,
    relative: bool,
    untie: bool,
) -> None:
    encoding = randomised(Tupe(place.geometry, relative=relative, untie=untie))
    with torch.no_grad():
        # At order one they make scores of order 20, whose softmax float32 does not hold to 1e-5.
        encoding.query.mul_(0.3)
        encoding.key.mul_(0.3)

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        first = float(place.pos_k[0])
        if untie and first in (i, j):
            return scaled_dot(q, k, 2) + encoding.theta[0 if i == first else 1, h]
        columns = slice(7 * h, 7 * h + 7)
        p_q = encoding.vectors[int(i)] @ encoding.query[:, columns]
        p_k = encoding.vectors[int(j)] @ encoding.key[:, columns]
        s = scaled_dot(q, k, 2) + scaled_dot(p_q, p_k, 2)
        if relative:
            bucket = T5Attention._relative_position_bucket(
                torch.tensor(int(j - i)), bidirectional=direction == "bidirectional"
            )
            s = s + encoding.table[h, bucket]
        return s

    found = agrees(encoding, place, score)
    parity("tupe", reference="2006.15595, section 3", difference=found)


def test_forgetting_gate_equals_x_transformers(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of("causal", positions=range(31), only_keys=0)
    ours = randomised(ForgettingGate(place.geometry))
    theirs = DataDependentAlibi(21, 3)
    theirs.to_forget_gates[0].load_state_dict(ours.gate.state_dict())
    found = difference(
        mixed_by(ours, place),
        plain(place, theirs(place.x)),
        [*place.leaves, *ours.parameters()],
        [*place.leaves, *theirs.parameters()],
    )
    parity("forgetting_gate", reference="x-transformers: DataDependentAlibi", difference=found)


def test_forgetting_gate_equals_its_formula(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, difference: Fixture, parity: Fixture
) -> None:
    place = place_of("causal")
    encoding = randomised(ForgettingGate(place.geometry))
    weight, offset = encoding.gate.parameters()
    ids = place.pos_k.tolist()

    def forgotten(b: int, h: int, i: int, j: int) -> Tensor:
        between = [t for t, at in enumerate(ids) if ids[j] < at <= place.pos_q[i]]
        return sum((logsigmoid(weight[h] @ place.x[b, t] + offset[h]) for t in between), torch.zeros(()))

    rows = [forgotten(b, h, i, j) for b in range(2) for h in range(3) for i in range(5) for j in range(7)]
    found = difference(
        mixed_by(encoding, place),
        plain(place, torch.stack(rows).view(2, 3, 5, 7)),
        [*place.leaves, *encoding.parameters()],
    )
    parity("forgetting_gate", reference="2503.02130, section 3", difference=found)
