"""A small place of prime sizes, and attention written element by element to compare plugins with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import BoundSlots, Direction, Geometry, PositionalEncoding
from posharness_plugins.attentions.softmax import Softmax

from .parity import TOLERANCE, ParityTable, largest_difference

Score = Callable[[int, Tensor, Tensor, float, float], Tensor]
"""(head, q_i, k_j, position of i, position of j) -> the score of one pair, √d and all."""
Value = Callable[[Tensor, float, float], Tensor]
"""(v_j, position of i, position of j) -> what query i takes from key j."""


@dataclass(frozen=True)
class Place:
    """Queries, keys, values and a layer's input, at positions that are neither 0..n-1 nor evenly spaced."""

    geometry: Geometry
    q: Tensor
    k: Tensor
    v: Tensor
    x: Tensor
    pos_q: Tensor
    pos_k: Tensor
    mask: Tensor | None

    @property
    def leaves(self) -> list[Tensor]:
        return [self.q, self.k, self.v, self.x]


GAPPED = (3, 4, 6, 9, 10, 15, 31)


def build_place(
    direction: Direction,
    *,
    heads: int = 3,
    head_width: int = 7,
    positions: Sequence[float] = GAPPED,
    only_keys: int = 2,
) -> Place:
    """Two sequences; a key at each position, and a query at all but the first `only_keys` of them."""
    generator = torch.Generator().manual_seed(11)
    pos_k = torch.tensor(positions)
    keys, queries = len(pos_k), len(pos_k) - only_keys
    seen = torch.arange(keys) <= torch.arange(only_keys, keys)[:, None]
    q, k, v = (
        torch.randn(2, heads, n, head_width, generator=generator).requires_grad_()
        for n in (queries, keys, keys)
    )
    x = torch.randn(2, keys, heads * head_width, generator=generator).requires_grad_()
    return Place(
        geometry=Geometry(width=heads * head_width, heads=heads, length=32, direction=direction),
        q=q,
        k=k,
        v=v,
        x=x,
        pos_q=pos_k[only_keys:],
        pos_k=pos_k,
        mask=seen[None, None] if direction == "causal" else None,
    )


@pytest.fixture(params=["causal", "bidirectional"])
def direction(request: pytest.FixtureRequest) -> Direction:
    found: Direction = request.param
    return found


@pytest.fixture
def place(direction: Direction) -> Place:
    return build_place(direction)


@pytest.fixture
def place_of() -> Callable[..., Place]:
    return build_place


def attend(encoding: PositionalEncoding, place: Place) -> Tensor:
    """Softmax attention with an encoding's slots bound as the harness binds them."""
    q, k, slots = place.q, place.k, encoding.slots
    positions = place.pos_q, place.pos_k
    if "rotate" in slots:
        q, k = encoding.rotate(q, k, *positions)
    read = place.x if encoding.bias_reads_input else None
    bound = BoundSlots(
        bias=encoding.bias(*positions, read) if "bias" in slots else None,
        scores=(lambda s: encoding.scores(s, q, k, place.x, *positions, place.mask))
        if "scores" in slots
        else None,
        values=(lambda out, w: encoding.values(out, w, place.v, *positions)) if "values" in slots else None,
    )
    mixed: Tensor = Softmax(place.geometry)(q, k, place.v, place.mask, bound)
    return mixed


def literal(place: Place, score: Score, value: Value) -> Tensor:
    """out_i = Σ_j exp(s_ij)/Σ_j' exp(s_ij') · value_ij, one number at a time."""
    batch, heads, queries, _ = place.q.shape
    rows = []
    for b in range(batch):
        for h in range(heads):
            for i in range(queries):
                at = float(place.pos_q[i])
                visible = [
                    j for j in range(place.k.shape[2]) if place.mask is None or bool(place.mask[0, 0, i, j])
                ]
                powers = [
                    score(h, place.q[b, h, i], place.k[b, h, j], at, float(place.pos_k[j])).exp()
                    for j in visible
                ]
                taken = [value(place.v[b, h, j], at, float(place.pos_k[j])) for j in visible]
                total = torch.stack(powers).sum()
                rows.append(sum((p / total * t for p, t in zip(powers, taken, strict=True)), torch.zeros(())))
    return torch.stack(rows).view(place.q.shape)


def dot(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
    """The plain scaled dot product."""
    return (q * k).sum() / math.sqrt(len(q))


def equal_with_gradients(ours: Tensor, reference: Tensor, leaves: list[Tensor]) -> float:
    """Equal values and gradients, to 1e-5; the largest difference."""
    difference = largest_difference(ours, reference, leaves)
    assert difference <= TOLERANCE
    return difference


@pytest.fixture
def agrees() -> Callable[..., float]:
    """Check an encoding's attention against the element-by-element one, gradients of parameters too."""

    def check(
        encoding: PositionalEncoding, place: Place, score: Score = dot, value: Value = lambda v, i, j: v
    ) -> float:
        leaves = [*place.leaves, *encoding.parameters()]
        return equal_with_gradients(attend(encoding, place), literal(place, score, value), leaves)

    return check


@pytest.fixture
def equal() -> Callable[[Tensor, Tensor, list[Tensor]], float]:
    return equal_with_gradients


@pytest.fixture
def difference() -> Callable[..., float]:
    return largest_difference


@pytest.fixture
def mixed_by() -> Callable[[PositionalEncoding, Place], Tensor]:
    return attend


@pytest.fixture
def randomised() -> Callable[[nn.Module], nn.Module]:
    """Give every parameter values of order one, so that a forgotten one shows."""

    def fill(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.normal_(generator=generator)
        return module

    return fill


@pytest.fixture
def parity(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Check a difference, and note it for the parity table."""

    def note(name: str, *, reference: str, difference: float, what: str = "values, gradients") -> None:
        record_property("parity", [name, reference, what, difference])
        assert difference <= TOLERANCE

    return note


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--parity-table", type=Path, metavar="FILE", help="write what each plugin was checked against to FILE"
    )


def pytest_configure(config: pytest.Config) -> None:
    # A worker of pytest-xdist only reports: its controller writes.
    path = config.getoption("--parity-table", None)
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ParityTable(path))
