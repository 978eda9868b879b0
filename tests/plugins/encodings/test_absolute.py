"""Sinusoids equal the paper's formula, for any ids, at the scale of the embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness_plugins.encodings.absolute import Absolute


def literal(x: Tensor, pos: Tensor, std: float, scale: Tensor) -> Tensor:
    """Section 3.5 of 1706.03762, one component at a time."""
    width = x.shape[-1]
    waves = torch.empty(len(pos), width)
    for i, position in enumerate(pos.tolist()):
        for c in range(width):
            angle = position / 10000 ** (2 * (c // 2) / width)
            waves[i, c] = math.cos(angle) if c % 2 else math.sin(angle)
    return x + scale * std * waves


@pytest.mark.parametrize("std", [1.0, 0.02])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("ids", [[0, 1, 2, 3, 4], [7, 9, 10, 31, 97], [0.0, 0.25, 2.5, 3.0, 11.75]])
def test_equals_the_formula(
    place: Any, equal: Callable[..., None], std: float, scaled: bool, ids: list[float]
) -> None:
    encoding = Absolute(replace(place.geometry, embedding_std=std), scaled=scaled)
    x = torch.randn(2, 5, place.geometry.width, requires_grad=True)
    parameters = list(encoding.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.fill_(1.7)
    reference = literal(x, torch.tensor(ids), std, parameters[0] if scaled else torch.ones(()))
    equal(encoding.embed(x, torch.tensor(ids)), reference, [x, *parameters])


def test_the_learned_scale_starts_at_one(place: Any) -> None:
    x, pos = torch.zeros(1, 5, place.geometry.width), torch.arange(5)
    plain, scaled = (Absolute(place.geometry, scaled=scaled).embed(x, pos) for scaled in (False, True))
    torch.testing.assert_close(scaled, plain)


def test_acts_on_embeddings_alone(place: Any, agrees: Callable[..., None]) -> None:
    encoding = Absolute(place.geometry)
    assert encoding.slots == {"embed"}
    agrees(encoding, place)
