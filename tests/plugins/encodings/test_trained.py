"""`trained=False` keeps an encoding's own parameters as they start."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

from posharness.contracts import PositionalEncoding
from posharness.registry.registry import Registry

ENCODINGS = Registry.load().encodings
SWITCHED = sorted(name for name in ENCODINGS if "trained" in inspect.signature(ENCODINGS[name]).parameters)


def built(name: str, place: Any, **params: Any) -> PositionalEncoding:
    torch.manual_seed(5)
    cls: Any = ENCODINGS[name]
    encoding: PositionalEncoding = cls(place.geometry, **params)
    return encoding


def test_encodings_that_could_be_fixed_have_the_switch() -> None:
    assert {"relative", "t5", "learned", "transformer_xl", "fire", "kerple", "table_bias"} == set(SWITCHED)


@pytest.mark.parametrize("name", SWITCHED)
def test_without_training_they_start_alike_and_ask_for_no_gradient(name: str, place: Any) -> None:
    frozen, default = built(name, place, trained=False), built(name, place)
    ours, theirs = dict(frozen.named_parameters()), dict(default.named_parameters())
    assert ours
    assert all(torch.equal(ours[each], theirs[each]) for each in theirs)
    assert not any(each.requires_grad for each in ours.values())
    assert all(each.requires_grad for each in theirs.values())
