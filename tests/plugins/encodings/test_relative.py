"""Relative positions equal equations 3 and 4 of 1803.02155, whatever the ids."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import UserError
from posharness_plugins.encodings.relative import Relative

CLIP = 5


def literal(keys: Tensor, mixed: Tensor | None) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    def row(i: float, j: float) -> int:
        return max(-CLIP, min(CLIP, round(j - i))) + CLIP

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        return (q * (k + keys[row(i, j)])).sum() / math.sqrt(len(q))

    def value(v: Tensor, i: float, j: float) -> Tensor:
        return v if mixed is None else v + mixed[row(i, j)]

    return score, value


def test_keys_and_values_equal_the_formula(
    place: Any, agrees: Callable[..., None], randomised: Callable[[Any], Any]
) -> None:
    encoding = randomised(Relative(place.geometry, clip=CLIP))
    keys, mixed = encoding.parameters()
    agrees(encoding, place, *literal(keys, mixed))
    assert encoding.slots == {"scores", "values"}


def test_values_can_be_left_out(
    place: Any, agrees: Callable[..., None], randomised: Callable[[Any], Any]
) -> None:
    encoding = randomised(Relative(place.geometry, clip=CLIP, values=False))
    (keys,) = encoding.parameters()
    agrees(encoding, place, *literal(keys, None))
    assert encoding.slots == {"scores"}


def test_fractional_ids_are_rounded_by_distance(
    place: Any, agrees: Callable[..., None], randomised: Callable[[Any], Any]
) -> None:
    encoding = randomised(Relative(place.geometry, clip=CLIP))
    squeezed = replace(place, pos_q=place.pos_q * 0.3, pos_k=place.pos_k * 0.3)
    agrees(encoding, squeezed, *literal(*encoding.parameters()))


def test_only_differences_count(
    place: Any, mixed_by: Callable[..., Tensor], randomised: Callable[[Any], Any]
) -> None:
    encoding = randomised(Relative(place.geometry, clip=CLIP))
    shifted = replace(place, pos_q=place.pos_q + 1000, pos_k=place.pos_k + 1000)
    torch.testing.assert_close(mixed_by(encoding, shifted), mixed_by(encoding, place))
    assert encoding.shift_invariant


def test_a_clip_that_tells_nothing_apart_is_refused(place: Any) -> None:
    with pytest.raises(UserError, match=r"clip=0.*1 or more"):
        Relative(place.geometry, clip=0)
