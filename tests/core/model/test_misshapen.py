"""A slot that returns another shape is refused by name: it would be broadcast, or read beyond its end."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from posharness.contracts import BoundSlots, PositionalEncoding
from posharness.contracts.cell import ModelSettings
from posharness.contracts.geometry import geometry
from posharness.model.attention import SelfAttention

HEADS, WIDTH, N = 2, 8, 5


class Slope(PositionalEncoding):
    """One learned slope, which all heads share."""

    name = "slope"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return torch.ones(1, requires_grad=True) * (pos_q[:, None] - pos_k).abs()[None, None]


class Square(PositionalEncoding):
    """Takes all tokens for queries."""

    name = "square"

    def bias(self, pos_q: Tensor, pos_k: Tensor, x: Tensor | None) -> Tensor:
        return (pos_k[:, None] - pos_k).expand(1, HEADS, -1, -1).float()


class SquareScores(PositionalEncoding):
    """The same in its scores."""

    name = "square-scores"

    def scores(self, s: Tensor, *others: Tensor) -> Tensor:
        return s + others[4].new_ones(N, N)


def bound(encoding: type[PositionalEncoding], queries: int) -> BoundSlots:
    built = encoding(geometry(ModelSettings(width=WIDTH, heads=HEADS), "encoder", N, 0))
    q, k = torch.zeros(3, HEADS, queries, WIDTH // HEADS), torch.zeros(3, HEADS, N, WIDTH // HEADS)
    pos = torch.arange(N)
    return SelfAttention.bind(built, q, k, k, torch.zeros(3, N, WIDTH), pos[:queries], pos, None)


@pytest.mark.parametrize("queries", [1, N])
def test_a_bias_for_all_heads_alike_is_refused(queries: int) -> None:
    with pytest.raises(
        ValueError, match=rf"bias of slope returns shape \(1, 1, {queries}, 5\): expected \(1, 2"
    ):
        bound(Slope, queries)


def test_what_takes_all_tokens_for_queries_is_refused_where_there_are_few() -> None:
    bound(Square, N)
    with pytest.raises(ValueError, match="bias of square returns shape"):
        bound(Square, 1)
    change = bound(SquareScores, 1).scores
    assert change is not None
    with pytest.raises(ValueError, match="scores of square-scores returns shape"):
        change(torch.zeros(3, HEADS, 1, N))
