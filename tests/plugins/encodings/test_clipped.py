"""Windows of near keys give what an index for each pair gives, wherever the positions are."""

from __future__ import annotations

import pytest
import torch

from posharness.contracts import Direction, Geometry
from posharness_plugins.encodings import _clipped, _diagonals
from posharness_plugins.encodings._clipped import Clipped
from posharness_plugins.encodings.deberta import Deberta
from posharness_plugins.encodings.transformer_xl import TransformerXL

PLACES = [
    (range(5), range(7)),
    ((1, 5, 6, 9, 40), (0, 1, 4, 5, 6, 9, 41)),
    ((1.5, 2.2, 3, 9, 40), (0, 1.2, 4, 5, 6, 9, 41)),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rows", [1, 2, 32])
@pytest.mark.parametrize("clip", [1, 3, 50])
def test_windows_equal_an_index_for_each_pair(
    monkeypatch: pytest.MonkeyPatch, place: tuple[list[float], list[float]], rows: int, clip: int
) -> None:
    monkeypatch.setattr(_clipped, "ROWS", rows)
    pos_q, pos_k = (torch.tensor(list(pos)) for pos in place)
    clipped = Clipped(pos_q, pos_k, clip)
    s, met = (torch.randn(2, 3, 5, n, dtype=torch.float64, requires_grad=True) for n in (7, 2 * clip + 1))
    index = ((pos_k - pos_q[:, None]).round().long().clamp(-clip, clip) + clip).expand(s.shape)
    pairs = (
        (clipped.add(s, met), s + met.gather(-1, index)),
        (clipped.sum(s), torch.zeros_like(met).scatter_add(-1, index, s)),
    )
    for ours, plain in pairs:
        torch.testing.assert_close(ours, plain)
        probe = torch.randn(ours.shape, dtype=torch.float64)
        torch.testing.assert_close(
            *(
                torch.autograd.grad(made, (s, met), probe, allow_unused=True, materialize_grads=True)
                for made in (ours, plain)
            )
        )


@pytest.mark.parametrize("cls", [TransformerXL, Deberta])
@pytest.mark.parametrize(
    ("queries", "keys"),
    [
        ((0, 9), (0, 9)),
        ((4, 9), (0, 9)),
        ((3, 5), (0, 9)),
        ((0, 1), (0, 1)),
        ((0, 9), (0, 1)),
        ((5, 9), (2, 7)),
    ],
)
def test_consecutive_positions_give_what_any_positions_give(
    monkeypatch: pytest.MonkeyPatch,
    direction: Direction,
    cls: type[TransformerXL | Deberta],
    queries: tuple[int, int],
    keys: tuple[int, int],
) -> None:
    encoding = cls(Geometry(width=21, heads=3, length=32, direction=direction)).double()
    pos_q, pos_k = torch.arange(*queries), torch.arange(*keys)
    q, k = (torch.randn(2, 3, len(pos), 7).double().requires_grad_() for pos in (pos_q, pos_k))
    s = torch.randn(2, 3, len(pos_q), len(pos_k)).double().requires_grad_()
    x = torch.randn(2, len(pos_k), 21).double()
    seen = (pos_k <= pos_q[:, None]) | (direction == "bidirectional")
    probe = torch.randn(s.shape).double() * seen
    found = []
    for line in (_diagonals.line_of_distances, lambda *_: None):
        monkeypatch.setattr(_diagonals, "line_of_distances", line)
        made = encoding.scores(s, q, k, x, pos_q, pos_k, None)
        gradients = torch.autograd.grad(made, (s, q, k, *encoding.parameters()), probe)
        found.append((made * seen, *gradients))
    torch.testing.assert_close(*found, atol=2e-6, rtol=2e-6)
