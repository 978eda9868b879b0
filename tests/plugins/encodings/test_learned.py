"""Learned positions are rows of a table, and there are only so many of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from posharness.contracts import UserError
from posharness_plugins.encodings.learned import Learned


def test_adds_the_row_of_each_id(place: Any, equal: Callable[..., None]) -> None:
    encoding = Learned(place.geometry)
    (table,) = encoding.parameters()
    x = torch.randn(2, 7, place.geometry.width, requires_grad=True)
    reference = torch.stack([x[:, i] + table[p] for i, p in enumerate(place.pos_k.tolist())], 1)
    equal(encoding.embed(x, place.pos_k), reference, [x, table])
    assert encoding.slots == {"embed"}


def test_the_table_is_as_long_as_training_unless_told(place: Any) -> None:
    assert Learned(place.geometry).max_length == place.geometry.length
    longer = Learned(place.geometry, max_length=41)
    assert longer.max_length == 41
    assert [tuple(p.shape) for p in longer.parameters()] == [(41, place.geometry.width)]


@pytest.mark.parametrize("start", [1.0, 0.5, 0.0])
def test_rows_start_at_the_scale_of_the_embeddings_times_start(place: Any, start: float) -> None:
    (table,) = Learned(replace(place.geometry, embedding_std=0.02), max_length=499, start=start).parameters()
    assert float(table.detach().std()) == pytest.approx(0.02 * start, rel=0.05)


def test_by_default_they_start_at_that_scale(place: Any) -> None:
    torch.manual_seed(0)
    (default,) = Learned(place.geometry).parameters()
    torch.manual_seed(0)
    (said,) = Learned(place.geometry, start=1.0).parameters()
    assert torch.equal(default, said)


@pytest.mark.parametrize("start", [-1.0, float("inf"), float("nan")])
def test_a_start_that_is_no_scale_is_refused(place: Any, start: float) -> None:
    with pytest.raises(UserError, match=r"learned\[start=.*0 or more"):
        Learned(place.geometry, start=start)


def test_a_table_shorter_than_training_is_refused(place: Any) -> None:
    with pytest.raises(UserError, match=r"max_length=31.*32 tokens"):
        Learned(place.geometry, max_length=31)


def test_a_position_beyond_the_table_is_an_error(place: Any) -> None:
    encoding = Learned(place.geometry)
    with pytest.raises(IndexError):
        encoding.embed(torch.zeros(1, 1, place.geometry.width), torch.tensor([32]))
