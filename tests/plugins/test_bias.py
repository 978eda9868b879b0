"""What the biases promise beyond their formulas: bounds, tables that end, ids of any kind, telling sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import Direction, Geometry, PositionalEncoding, UserError
from posharness_plugins.encodings.fire import Fire
from posharness_plugins.encodings.forgetting_gate import ForgettingGate
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.sandwich import Sandwich
from posharness_plugins.encodings.t5 import T5
from posharness_plugins.encodings.table_bias import TableBias
from posharness_plugins.encodings.tupe import Tupe

Fixture = Callable[..., Any]


def geometry(direction: Direction = "causal", length: int = 13) -> Geometry:
    return Geometry(width=21, heads=3, length=length, direction=direction)


@pytest.mark.parametrize("cls", [T5, TableBias, Kerple])
def test_only_differences_of_position_count(
    direction: Direction, randomised: Fixture, cls: type[PositionalEncoding]
) -> None:
    encoding = randomised(cls(geometry(direction)))
    pos = torch.tensor([0, 1, 2, 5, 12])
    torch.testing.assert_close(encoding.bias(pos, pos, None), encoding.bias(pos + 1000, pos + 1000, None))
    assert encoding.shift_invariant


@pytest.mark.parametrize("cls", [T5, TableBias])
def test_distances_between_fractional_positions_are_rounded(
    direction: Direction, randomised: Fixture, cls: type[PositionalEncoding]
) -> None:
    encoding = randomised(cls(geometry(direction)))
    torch.testing.assert_close(
        encoding.bias(torch.tensor([4.2]), torch.tensor([0.5, 1.6, 4.2]), None),
        encoding.bias(torch.tensor([4]), torch.tensor([0, 1, 4]), None),
    )


def test_t5_scales_queries_only_when_asked_not_to_divide_them(place: Any) -> None:
    assert T5(place.geometry).slots == {"bias"}
    unscaled = T5(place.geometry, scaled=False)
    assert unscaled.slots == {"bias", "rotate"}
    q, k = unscaled.rotate(place.q, place.k, place.pos_q, place.pos_k)
    torch.testing.assert_close(q, place.q * 7**0.5)
    assert k is place.k


@pytest.mark.parametrize(
    ("direction", "buckets", "max_distance", "says"),
    [
        ("causal", 1, 128, "2 buckets or more"),
        ("bidirectional", 3, 128, "4 buckets or more"),
        ("causal", 32, 16, "above 16"),
        ("bidirectional", 32, 8, "above 8"),
    ],
    indirect=["direction"],
)
def test_t5_refuses_buckets_that_tell_nothing_apart(
    direction: Direction, buckets: int, max_distance: int, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        T5(geometry(direction), buckets=buckets, max_distance=max_distance)


@pytest.mark.parametrize("ends", [(0, 13), (13, 0)])
def test_a_table_of_distances_ends_in_an_error(ends: tuple[int, int]) -> None:
    encoding = TableBias(geometry("bidirectional"))
    assert encoding.max_length == 13
    q, k = (torch.tensor([end]) for end in ends)
    with pytest.raises(RuntimeError, match="out of"):
        encoding.bias(q, k, None)
    assert TableBias(geometry("bidirectional"), max_length=14).bias(q, k, None).shape == (1, 3, 1, 1)


def test_a_causal_table_has_no_rows_for_keys_after_the_query() -> None:
    encoding = TableBias(geometry())
    assert encoding.table.shape == (3, 13)
    with pytest.raises(RuntimeError, match="out of"):
        encoding.bias(torch.tensor([13]), torch.tensor([0]), None)


@pytest.mark.parametrize("cls", [TableBias, Tupe])
def test_tables_shorter_than_training_sequences_are_refused(cls: type[Any]) -> None:
    with pytest.raises(UserError, match=rf"{cls.name}\[max_length=12\].*13 or more"):
        cls(geometry(), max_length=12)


@pytest.mark.parametrize("form", ["log", "power"])
def test_kerple_is_cut_off_at_its_bounds_and_comes_back(form: Any) -> None:
    encoding = Kerple(geometry(), form=form)
    with torch.no_grad():
        encoding.r1.view(-1).copy_(torch.tensor([-1.0, 0.5, 0.5]))
        encoding.r2.view(-1).copy_(torch.tensor([1.0, -1.0, 3.0]))
    bias = encoding.bias(torch.tensor([5]), torch.tensor([0, 5]), None)[0, :, 0]
    near, far = torch.tensor(0.01), torch.tensor(2.0 if form == "power" else 3.0)
    r1, r2 = (
        torch.stack([near, torch.tensor(0.5), torch.tensor(0.5)]),
        torch.stack([torch.tensor(1.0), near, far]),
    )
    expected = -r1 * ((1 + 5 * r2).log() if form == "log" else 5**r2)
    torch.testing.assert_close(bias, torch.stack([expected, torch.zeros(3)], -1))
    bias.sum().backward()
    assert encoding.r1.grad is not None
    assert encoding.r2.grad is not None
    assert (encoding.r1.grad != 0).all()
    assert (encoding.r2.grad != 0).all()
    assert encoding.r2.grad.isfinite().all()


def test_kerple_starts_within_its_bounds() -> None:
    many = Geometry(width=1009, heads=1009, length=13, direction="causal")
    for form, largest in (("log", (2, 1)), ("power", (1, 2))):
        encoding = Kerple(many, form=form)  # type: ignore[arg-type]
        for r, top in zip((encoding.r1, encoding.r2), largest, strict=True):
            assert 0 <= float(r.detach().min()) < 0.1
            assert 0.9 * top < float(r.detach().max()) < top


def test_sandwich_is_zero_at_no_distance_and_falls_by_head() -> None:
    encoding = Sandwich(geometry())
    bias = encoding.bias(torch.tensor([9]), torch.arange(10), None)[0, :, 0]  # h k
    assert (bias[:, -1] == 0).all()
    assert (bias.diff() > 0).all()
    torch.testing.assert_close(bias[0], 3 * bias[2])


def test_sandwich_is_exact_at_large_positions() -> None:
    encoding, pos = Sandwich(geometry()), torch.tensor([0, 1, 3, 17])
    assert torch.equal(encoding.bias(pos, pos, None), encoding.bias(pos + 10**6, pos + 10**6, None))


@pytest.mark.parametrize("width", [0, 7])
def test_sandwich_refuses_odd_widths(width: int) -> None:
    with pytest.raises(UserError, match="even width"):
        Sandwich(geometry(), width=width)


@pytest.mark.parametrize("signed", [False, True])
def test_fire_tells_left_from_right_only_when_signed(randomised: Fixture, signed: bool) -> None:
    bias = randomised(Fire(geometry("bidirectional"), signed=signed)).bias(*2 * [torch.arange(7)], None)
    assert torch.allclose(bias, bias.mT) is not signed


def test_fire_does_not_depend_on_what_follows(direction: Direction, randomised: Fixture) -> None:
    encoding, pos = randomised(Fire(geometry(direction))), torch.arange(29)
    torch.testing.assert_close(
        encoding.bias(pos[:7], pos[:7], None), encoding.bias(pos, pos, None)[:, :, :7, :7]
    )


def test_fire_s_threshold_is_a_quarter_of_training(place: Any) -> None:
    assert Fire(place.geometry).threshold == 8
    with pytest.raises(UserError, match="above 0"):
        Fire(place.geometry, threshold=0.0)
    with pytest.raises(UserError, match="1 hidden unit"):
        Fire(place.geometry, hidden=0)


@pytest.mark.parametrize("beyond", [-1, 13])
def test_tupe_has_no_positions_beyond_its_table(beyond: int) -> None:
    encoding = Tupe(geometry())
    assert encoding.max_length == 13
    with pytest.raises(IndexError):
        encoding.bias(torch.tensor([0]), torch.tensor([beyond]), None)
    with pytest.raises(RuntimeError, match="Long"):
        encoding.bias(torch.tensor([0]), torch.tensor([0.5]), None)


def test_tupe_unties_the_first_token_wherever_it_stands(randomised: Fixture) -> None:
    encoding = randomised(Tupe(geometry("bidirectional"), untie=True, relative=True))
    pos = torch.tensor([3, 4, 8, 11])
    bias = encoding.bias(pos, pos, None)[0]  # h q k
    from_first, to_first = encoding.theta
    torch.testing.assert_close(bias[:, 0], from_first[:, None].expand(3, 4))
    torch.testing.assert_close(bias[:, 1:, 0], to_first[:, None].expand(3, 3))
    assert len(bias[0, 1:, 1:].unique()) == 9


def test_tupe_halves_the_content_s_variance(place: Any) -> None:
    q, k = Tupe(place.geometry).rotate(place.q, place.k, place.pos_q, place.pos_k)
    torch.testing.assert_close(q, place.q / 2**0.5)
    assert k is place.k


@pytest.fixture
def gate(randomised: Fixture) -> ForgettingGate:
    encoding: ForgettingGate = randomised(ForgettingGate(geometry()))
    return encoding


def test_the_gate_counts_tokens_not_ids(gate: ForgettingGate) -> None:
    x, pos = torch.randn(2, 7, 21, generator=torch.Generator().manual_seed(2)), torch.arange(7)
    assert torch.equal(gate.bias(pos, pos, x), gate.bias(3 * pos + 0.5, 3 * pos + 0.5, x))


def test_the_gate_of_the_last_queries_is_that_of_all(gate: ForgettingGate) -> None:
    x, pos = torch.randn(2, 7, 21, generator=torch.Generator().manual_seed(2)), torch.arange(5, 12)
    torch.testing.assert_close(gate.bias(pos[-3:], pos, x), gate.bias(pos, pos, x)[:, :, -3:])


def test_the_gate_forgets_and_never_looks_ahead(gate: ForgettingGate) -> None:
    x, pos = torch.randn(1, 7, 21, generator=torch.Generator().manual_seed(2)), torch.arange(7)
    bias = gate.bias(pos, pos, x)
    assert (bias.diagonal(dim1=-2, dim2=-1) == 0).all()
    assert all((bias[0, :, i, : i + 1].diff() > 0).all() for i in range(7))
    later = x.clone()
    later[:, 4:] = 0
    torch.testing.assert_close(gate.bias(pos, pos, later)[:, :, :4, :4], bias[:, :, :4, :4])


def test_the_gate_sums_in_full_precision() -> None:
    encoding = ForgettingGate(geometry(), start=5.0)
    with torch.no_grad():
        encoding.gate.weight.zero_()
    pos = torch.arange(211)
    full, half = (
        encoding.to(dtype).bias(pos, pos, torch.zeros(1, 211, 21, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    )
    lost = torch.nn.functional.logsigmoid(torch.tensor(5.0)) * 210
    torch.testing.assert_close(full[0, :, -1, 0], lost.expand(3))
    torch.testing.assert_close(half, full)


def test_the_gate_starts_as_open_as_told() -> None:
    x, pos = torch.zeros(1, 2, 21), torch.arange(2)
    for start, kept in ((0.0, 0.5), (5.0, 0.9933)):
        bias: Tensor = ForgettingGate(geometry(), start=start).bias(pos, pos, x)
        assert float(bias.detach()[0, 0, 1, 0].exp()) == pytest.approx(kept, abs=1e-4)


@pytest.mark.parametrize("cls", [ForgettingGate, Sandwich])
def test_causal_only(cls: type[PositionalEncoding]) -> None:
    assert cls.directions == {"causal"}
