"""No encoding is attention without position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from posharness_plugins.encodings.none import NoEncoding

Check = Callable[..., None]


def test_attention_is_the_plain_one(place: Any, agrees: Check) -> None:
    encoding = NoEncoding(place.geometry)
    agrees(encoding, place)
    assert encoding.slots == frozenset()


def test_embeddings_are_left_alone(place: Any) -> None:
    x = torch.randn(2, 7, place.geometry.width)
    assert NoEncoding(place.geometry).embed(x, place.pos_k) is x
