"""Linear biases have the paper's slopes, and each form is offered only where it means something."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from posharness.contracts import Incompatible
from posharness_plugins.encodings.alibi import Alibi, slopes

Form = Literal["auto", "causal", "symmetric", "signed"]


def literal(left: list[float], right: list[float]) -> Callable[..., Tensor]:
    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        penalty = left[h] * (i - j) if j <= i else right[h] * (j - i)
        return (q * k).sum() / math.sqrt(len(q)) - penalty

    return score


@pytest.mark.parametrize(
    ("heads", "exponents"),
    [
        (1, [8]),
        (2, [4, 8]),
        (3, [4, 8, 2]),
        (4, [2, 4, 6, 8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_slopes_are_the_paper_s(heads: int, exponents: list[float]) -> None:
    assert slopes(heads) == pytest.approx([2**-e for e in exponents])


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("form", ["auto", "causal"])
def test_causal_form(
    place_of: Callable[..., Any], agrees: Callable[..., None], heads: int, form: Form
) -> None:
    place = place_of("causal", heads=heads)
    agrees(Alibi(place.geometry, form=form), place, literal(slopes(heads), slopes(heads)))


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("form", ["auto", "symmetric"])
def test_symmetric_form(
    place_of: Callable[..., Any], agrees: Callable[..., None], heads: int, form: Form
) -> None:
    place = place_of("bidirectional", heads=heads)
    agrees(Alibi(place.geometry, form=form), place, literal(slopes(heads), slopes(heads)))


@pytest.mark.parametrize("heads", [2, 3])
def test_signed_form_mirrors_the_slopes(
    place_of: Callable[..., Any], agrees: Callable[..., None], heads: int
) -> None:
    place = place_of("bidirectional", heads=heads)
    agrees(Alibi(place.geometry, form="signed"), place, literal(slopes(heads), slopes(heads)[::-1]))


def test_signed_form_tells_left_from_right_and_symmetric_does_not(place_of: Callable[..., Any]) -> None:
    pos = torch.tensor([2, 3, 7, 11])
    place = place_of("bidirectional")
    symmetric, signed = (
        Alibi(place.geometry, form=form).bias(pos, pos, None) for form in ("symmetric", "signed")
    )
    torch.testing.assert_close(symmetric, symmetric.mT)
    assert not torch.allclose(signed, signed.mT)


@pytest.mark.parametrize(
    ("direction", "form"),
    [("bidirectional", "causal"), ("causal", "symmetric"), ("causal", "signed")],
    indirect=["direction"],
)
def test_forms_that_make_no_sense_are_skipped(place: Any, form: Form) -> None:
    with pytest.raises(Incompatible, match=rf"alibi\[form={form}\].*use form="):
        Alibi(place.geometry, form=form)


def test_signed_form_needs_two_heads(place_of: Callable[..., Any]) -> None:
    with pytest.raises(Incompatible, match="two heads"):
        Alibi(place_of("bidirectional", heads=1).geometry, form="signed")


def test_acts_by_a_bias_alone_and_learns_nothing(place: Any) -> None:
    encoding = Alibi(place.geometry)
    assert encoding.slots == {"bias"}
    assert not list(encoding.parameters())
    assert encoding.bias(place.pos_q, place.pos_k, None).shape == (1, 3, 5, 7)
