"""A bias by distance is the same whether it is computed once for each distance or once for each pair."""

from __future__ import annotations

import pytest
import torch

from posharness.contracts import Direction, Geometry, PositionalEncoding
from posharness_plugins.encodings import _diagonals
from posharness_plugins.encodings._diagonals import along_diagonals, line_of_distances
from posharness_plugins.encodings.alibi import Alibi
from posharness_plugins.encodings.kerple import Kerple
from posharness_plugins.encodings.sandwich import Sandwich
from posharness_plugins.encodings.t5 import T5
from posharness_plugins.encodings.table_bias import TableBias

SIZES = [(5, 7), (7, 5), (1, 4), (4, 1), (6, 6)]


@pytest.mark.parametrize(("queries", "keys"), SIZES)
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_each_diagonal_has_one_number(
    monkeypatch: pytest.MonkeyPatch, queries: int, keys: int, rows: int
) -> None:
    monkeypatch.setattr(_diagonals, "ROWS", rows)
    line = torch.randn(2, queries + keys - 1, dtype=torch.float64, requires_grad=True)
    i, j = torch.arange(queries)[:, None], torch.arange(keys)
    assert torch.equal(along_diagonals(line, queries), line[:, j - i + queries - 1])
    assert torch.autograd.gradcheck(lambda line: along_diagonals(line, queries), (line,))


@pytest.mark.parametrize(("queries", "keys"), SIZES)
def test_distances_are_those_of_the_pairs(queries: int, keys: int) -> None:
    pos_q, pos_k = torch.arange(3, 3 + queries), torch.arange(1, 1 + keys)
    line = line_of_distances(pos_q, pos_k)
    assert line is not None
    assert torch.equal(along_diagonals(line[None].float(), queries)[0], pos_k.float() - pos_q[:, None])


def test_there_is_no_line_where_positions_have_gaps() -> None:
    whole, gapped = torch.arange(5), torch.tensor([0, 1, 3, 4, 5])
    assert line_of_distances(gapped, whole) is None
    assert line_of_distances(whole, gapped) is None
    assert line_of_distances(whole, whole / 2) is None


@pytest.mark.parametrize("cls", [Alibi, Kerple, Sandwich, T5, TableBias])
def test_some_queries_get_the_bias_that_they_get_among_all(
    direction: Direction, cls: type[PositionalEncoding]
) -> None:
    encoding = cls(Geometry(width=21, heads=3, length=13, direction=direction))
    pos = torch.arange(13)
    every = encoding.bias(pos, pos, None)
    some = torch.tensor([1, 2, 5, 12])
    torch.testing.assert_close(encoding.bias(pos[some], pos, None), every[:, :, some])
    torch.testing.assert_close(encoding.bias(pos[4:9], pos[:9], None), every[:, :, 4:9, :9])
