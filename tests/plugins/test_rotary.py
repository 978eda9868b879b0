"""Rotary encodings are all one up to the training length, and none overflows or forgets a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import Direction, Geometry, Incompatible, PositionalEncoding, UserError
from posharness_plugins.encodings._rotary import Rotary
from posharness_plugins.encodings.ntk import Ntk
from posharness_plugins.encodings.position_interpolation import PositionInterpolation
from posharness_plugins.encodings.rope import Rope
from posharness_plugins.encodings.xpos import Xpos
from posharness_plugins.encodings.yarn import Yarn

HEADS, WIDTH = 3, 14
IDS = torch.tensor([0, 1, 4, 5, 11, 16, 40])
"""They span 41 positions."""
STRETCHED = [PositionInterpolation, Ntk, Yarn]


def geometry(length: int = 13, *, width: int = WIDTH, direction: Direction = "causal") -> Geometry:
    return Geometry(width=HEADS * width, heads=HEADS, length=length, direction=direction)


@pytest.fixture
def q_k() -> tuple[Tensor, Tensor]:
    q, k = torch.randn(2, 2, HEADS, len(IDS), WIDTH, generator=torch.Generator().manual_seed(7))
    return q, k


def turned(encoding: PositionalEncoding, q: Tensor, k: Tensor) -> Tensor:
    return torch.stack(encoding.rotate(q, k, IDS, IDS))


def scored(
    encoding: PositionalEncoding, q: Tensor, k: Tensor, *, real: int = len(IDS), mask: Tensor | None = None
) -> Tensor:
    """Scores of the first tokens, with the slots that act at their positions."""
    ids = IDS[:real]
    q, k = encoding.rotate(q[:, :, :real], k[:, :, :real], ids, ids)
    s = q @ k.mT / WIDTH**0.5
    x = k.transpose(1, 2).flatten(2)
    return encoding.scores(s, q, k, x, ids, ids, mask) if "scores" in encoding.slots_at(ids, ids) else s


@pytest.mark.parametrize("direction", ["causal", "bidirectional"])
@pytest.mark.parametrize("cls", STRETCHED)
def test_up_to_the_training_length_all_are_rope(
    cls: type[Rotary], q_k: tuple[Tensor, Tensor], direction: Direction
) -> None:
    for length in (41, 97):
        encoding = cls(geometry(length, direction=direction))
        assert encoding.slots_at(IDS, IDS) == {"rotate"}
        assert torch.equal(turned(encoding, *q_k), turned(Rope(geometry(length)), *q_k))
    encoding = cls(geometry(40, direction=direction))
    assert encoding.slots_at(IDS, IDS) == {"rotate", "scores"}
    assert not torch.equal(scored(encoding, *q_k), scored(Rope(geometry(40)), *q_k))


@pytest.mark.parametrize("cls", STRETCHED)
def test_a_query_is_scaled_by_what_it_sees(cls: type[Rotary], q_k: tuple[Tensor, Tensor]) -> None:
    causal = scored(cls(geometry(13)), *q_k)
    # Positions 0 to 11 are within the training length, those at 16 and 40 are not.
    assert torch.equal(causal[:, :, :5], scored(Rope(geometry(13)), *q_k)[:, :, :5])
    encoder = cls(geometry(13, direction="bidirectional"))
    for row in (5, 6):
        alone = scored(encoder, *q_k, real=row + 1)[:, :, row]
        torch.testing.assert_close(causal[:, :, row, : row + 1], alone, atol=2e-5, rtol=2e-5)
    # In an encoder, the rows of one batch are scaled by their real tokens.
    rows = [x[:1].expand(3, -1, -1, -1) for x in q_k]
    mask = torch.arange(len(IDS)) < torch.tensor([7, 6, 2])[:, None]
    padded = scored(encoder, *rows, mask=mask[:, None, None].expand(-1, -1, 7, -1))
    for row, real in enumerate((7, 6, 2)):
        alone = scored(encoder, *(x[:1] for x in q_k), real=real)[0]
        torch.testing.assert_close(padded[row, :, :real, :real], alone, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("cls", [Rope, Xpos, *STRETCHED])
def test_only_differences_count(
    cls: type[Rotary], place_of: Callable[..., Any], mixed_by: Callable[..., Tensor]
) -> None:
    place = place_of("causal", head_width=WIDTH)
    encoding = cls(replace(place.geometry, length=11), base=37.0)
    shifted = replace(place, pos_q=place.pos_q + 60, pos_k=place.pos_k + 60)
    torch.testing.assert_close(mixed_by(encoding, shifted), mixed_by(encoding, place), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("cls", [Rope, Xpos, *STRETCHED])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_type_of_queries_is_kept(
    cls: type[Rotary], dtype: torch.dtype, q_k: tuple[Tensor, Tensor]
) -> None:
    """Whatever the type of the positions, and of buffers that were cast with the rest of a model."""
    precise = turned(cls(geometry()), *q_k)
    for encoding in (cls(geometry()), cls(geometry()).to(dtype)):
        for ids in (IDS, IDS.double()):
            ours = torch.stack(encoding.rotate(*(x.to(dtype) for x in q_k), ids, ids))
            assert ours.dtype == dtype
            assert torch.isfinite(ours).all()
    torch.testing.assert_close(
        turned(cls(geometry()), *(x.to(dtype) for x in q_k)), precise.to(dtype), atol=0.02, rtol=0.02
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_xpos_stays_finite_up_to_its_length(dtype: torch.dtype) -> None:
    encoding = Xpos(geometry(), scale_base=4.0)
    assert encoding.max_length == 255
    assert Xpos(geometry()).max_length == 32695
    pos = torch.arange(255)
    q, k = encoding.rotate(*torch.full((2, 1, HEADS, 255, WIDTH), 9.0, dtype=dtype), pos, pos)
    assert q.dtype == dtype
    assert torch.isfinite(q @ k.mT).all()


def test_xpos_is_skipped_where_training_would_overflow() -> None:
    with pytest.raises(Incompatible, match="beyond 255 positions, and training sequences have 256"):
        Xpos(geometry(256), scale_base=4.0)


def test_p_of_zero_is_no_encoding(q_k: tuple[Tensor, Tensor]) -> None:
    assert torch.equal(turned(Rope(geometry(), p=0.0), *q_k), torch.stack(q_k))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Rope(geometry(), base=0.0), r"rope\[base=0\].*above 1"),
        (lambda: Yarn(geometry(), base=1.0), r"yarn\[base=1\].*above 1"),
        (lambda: Rope(geometry(), fraction=1.5), r"rope\[fraction=1.5\].*at most 1"),
        (lambda: Rope(geometry(), p=-1.0), r"rope\[p=-1\].*from 0 to 1"),
        (lambda: Yarn(geometry(), alpha=32.0), r"yarn\[alpha=32,beta=32\].*above alpha"),
        (lambda: Xpos(geometry(), scale_base=0.0), r"xpos\[scale_base=0\].*above 0"),
    ],
)
def test_parameters_without_a_meaning_are_refused(build: Callable[[], Rotary], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build()


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Yarn(geometry(width=7)), "yarn rotates pairs .* got 7"),
        (lambda: Ntk(geometry(width=2)), "ntk lowers all frequencies but the first"),
        (lambda: Rope(geometry(), fraction=0.1), "rotates no pair of a head of width 14"),
    ],
)
def test_heads_that_cannot_turn_are_skipped(build: Callable[[], Rotary], says: str) -> None:
    with pytest.raises(Incompatible, match=says):
        build()
