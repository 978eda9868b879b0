"""What encodings that meet content promise beyond their formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, UserError
from posharness_plugins.encodings.absolute import Absolute
from posharness_plugins.encodings.alibi import Alibi
from posharness_plugins.encodings.cope import Cope
from posharness_plugins.encodings.dape import Dape
from posharness_plugins.encodings.deberta import Deberta
from posharness_plugins.encodings.forgetting_gate import ForgettingGate
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.learned import Learned
from posharness_plugins.encodings.path import Path
from posharness_plugins.encodings.relative import Relative
from posharness_plugins.encodings.table_bias import TableBias
from posharness_plugins.encodings.transformer_xl import TransformerXL

Fixture = Callable[..., Any]
Build = Callable[[Geometry], PositionalEncoding]
GEOMETRY = Geometry(width=21, heads=3, length=32, direction="causal")


def dape(geometry: Geometry) -> Dape:
    return Dape(geometry, base=Kerple(geometry))


ALL: list[Build] = [TransformerXL, Deberta, dape, Cope, Path]


@pytest.mark.parametrize("build", ALL)
def test_only_differences_count(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, build: Build
) -> None:
    place = place_of("causal")
    encoding = randomised(build(place.geometry))
    shifted = replace(place, pos_q=place.pos_q + 100_000, pos_k=place.pos_k + 100_000)
    torch.testing.assert_close(mixed_by(encoding, shifted), mixed_by(encoding, place))
    assert encoding.shift_invariant


@pytest.mark.parametrize("build", [Cope, Path])
def test_keys_that_no_query_sees_count_for_nothing(
    place_of: Fixture, mixed_by: Fixture, randomised: Fixture, build: Build
) -> None:
    """Tokens hidden before the others and behind them, as padding is."""
    place = place_of("causal", positions=range(43), only_keys=0)
    encoding = randomised(build(place.geometry))
    hidden = torch.zeros(43, dtype=torch.bool)
    hidden[[0, 1, 41, 42]] = True
    left = (~hidden).nonzero()[:, 0]
    padded = replace(place, mask=place.mask & ~hidden)
    shorter = replace(
        place,
        **{name: getattr(place, name)[:, :, left] for name in ("q", "k", "v")},
        x=place.x[:, left],
        pos_q=place.pos_q[left],
        pos_k=place.pos_k[left],
        mask=place.mask[:, :, left][..., left],
    )
    torch.testing.assert_close(
        mixed_by(encoding, padded)[:, :, left], mixed_by(encoding, shorter), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("build", ALL)
def test_finite_at_eight_training_lengths(place_of: Fixture, build: Build, dtype: torch.dtype) -> None:
    place = place_of("causal", positions=range(8 * 32), only_keys=0)
    encoding = build(place.geometry).to(dtype)
    q, k, x = (leaf.detach().to(dtype).requires_grad_() for leaf in (place.q, place.k, place.x))
    s = encoding.scores(q @ k.mT, q, k, x, place.pos_q, place.pos_k, place.mask)
    assert s.dtype == dtype
    found = s.masked_fill(~place.mask, -torch.inf).softmax(-1).square().sum()
    parameters = torch.autograd.grad(found, list(encoding.parameters()), retain_graph=True)
    read = torch.autograd.grad(found, [q, k, x], allow_unused=True, materialize_grads=True)
    assert all(torch.isfinite(each).all() for each in (s, *parameters, *read))


@pytest.mark.parametrize(("span", "max_distance"), [(8, 41), (13, 59), (32, 128), (4, 1000)])
def test_deberta_s_rows_at_every_distance(span: int, max_distance: int) -> None:
    far = torch.arange(2003)
    theirs = make_log_bucket_position(1001 - far, span, max_distance).long() + span
    bidirectional = replace(GEOMETRY, direction="bidirectional")
    ours = Deberta(bidirectional, span=span, log=True, max_distance=max_distance)
    assert ours.rows(far - 1001).tolist() == theirs.clamp(0, 2 * span - 1).tolist()


def test_deberta_spans_the_training_length_unless_told() -> None:
    clipped, shared = (Deberta(GEOMETRY, log=log) for log in (False, True))
    assert clipped.rows(-torch.arange(40)).tolist() == [*range(32), *[31] * 8]
    rows = shared.rows(-torch.arange(40)).tolist()
    assert rows[:9] == [*range(9)]
    assert len(set(rows[:32])) == 16
    assert set(rows[31:]) == {15}


def test_dape_is_defined_where_its_base_is() -> None:
    assert dape(GEOMETRY).directions == {"causal", "bidirectional"}
    assert Dape(GEOMETRY, base=ForgettingGate(GEOMETRY)).directions == {"causal"}
    table = TableBias(GEOMETRY)
    assert Dape(GEOMETRY, base=table).max_length == table.max_length
    assert Dape(GEOMETRY, base=Alibi(GEOMETRY)).max_length is None


@pytest.mark.parametrize("base", [Absolute, Learned, Relative])
def test_dape_adapts_nothing_but_a_bias(base: type[Any]) -> None:
    with pytest.raises(Incompatible, match=f"{base.name} acts on"):
        Dape(GEOMETRY, base=base(GEOMETRY))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Deberta(GEOMETRY, span=0), r"deberta\[span=0\].*1 or more"),
        (lambda: Deberta(GEOMETRY, span=3, log=True), r"deberta\[span=3\].*4 or more"),
        (lambda: Deberta(GEOMETRY, span=9, log=True, max_distance=9), r"max_distance=9\].*above the span, 9"),
        (lambda: Dape(GEOMETRY, base=Alibi(GEOMETRY), hidden=0), r"dape\[hidden=0\].*1 hidden unit"),
        (lambda: Cope(GEOMETRY, max_pos=1), r"cope\[max_pos=1\].*2 or more"),
        (lambda: Path(GEOMETRY, rank=0), r"path\[rank=0\].*1 or more"),
    ],
)
def test_parameters_without_a_meaning_are_refused(build: Callable[[], PositionalEncoding], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build()


def test_reflections_never_lengthen_a_key(place_of: Fixture) -> None:
    """|q·H⋯H k| ≤ |q|·|k|, however many tokens lie between."""
    place = place_of("causal", positions=range(257), only_keys=0)
    zero: Tensor = torch.zeros(2, 3, 257, 257)
    s = -Path(place.geometry).scores(zero, place.q, place.k, place.x, place.pos_q, place.pos_k, place.mask)
    kept = place.q @ place.k.mT / 7**0.5 - s
    bound = place.q.norm(dim=-1)[..., None] * place.k.norm(dim=-1)[:, :, None] / 7**0.5
    assert (kept.tril().abs() <= bound + 1e-4).all()
