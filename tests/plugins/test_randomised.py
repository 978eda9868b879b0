"""Randomised positions are a fair, sorted sample, and leave all else to the encoding they are given to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, UserError
from posharness.registry.registry import Registry
from posharness.registry.selection import parse
from posharness_plugins.encodings.learned import Learned
from posharness_plugins.encodings.none import NoEncoding
from posharness_plugins.encodings.randomised import Randomised

GEOMETRY = Geometry(width=42, heads=3, length=5, direction="causal")
BASES = sorted(set(Registry.load().encodings) - {Randomised.name})


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture(scope="module")
def built(registry: Registry) -> Callable[..., Any]:
    def build(text: str, geometry: Geometry = GEOMETRY) -> PositionalEncoding:
        return registry.encoding(registry.select(registry.encodings, parse(text)[0]), geometry)

    return build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_sample_is_sorted_without_repetition_and_repeatable() -> None:
    encoding = Randomised(GEOMETRY, base=NoEncoding(GEOMETRY), longest=17)
    samples = [encoding.positions(7, generator(seed)) for seed in range(50)]
    for ids in samples:
        assert ids.shape == (7,)
        assert (ids.diff() > 0).all()
        assert ids.min() >= 0
        assert ids.max() < 17
    assert torch.equal(encoding.positions(7, generator(3)), samples[3])
    assert len({tuple(ids.tolist()) for ids in samples}) > 40


def test_every_set_of_positions_is_equally_likely() -> None:
    """10 sets of 3 out of 5, 4,000 draws: each within five standard deviations of a tenth."""
    encoding = Randomised(replace(GEOMETRY, length=3), base=NoEncoding(GEOMETRY), longest=5)
    source = generator()
    drawn = [tuple(encoding.positions(3, source).tolist()) for _ in range(4000)]
    counts = [drawn.count(ids) for ids in set(drawn)]
    assert len(counts) == 10
    assert max(abs(count - 400) for count in counts) < 5 * (4000 * 0.1 * 0.9) ** 0.5


def test_the_longest_sequence_has_all_positions_in_order() -> None:
    encoding = Randomised(GEOMETRY, base=NoEncoding(GEOMETRY))
    assert encoding.max_length == 40
    assert torch.equal(encoding.positions(40, generator()), torch.arange(40))
    with pytest.raises(ValueError, match="41 different positions cannot be drawn from 40"):
        encoding.positions(41, generator())


@pytest.mark.parametrize("base", BASES)
def test_everything_else_is_the_base_s(
    built: Callable[..., Any],
    place_of: Callable[..., Any],
    mixed_by: Callable[..., Tensor],
    randomised: Callable[[Any], Any],
    difference: Callable[..., float],
    parity: Callable[..., None],
    base: str,
) -> None:
    """At ids drawn by hand, with equal parameters, gradients too."""
    place = place_of("causal", head_width=14)
    inside = randomised(built(base, replace(place.geometry, length=256)))
    outside = randomised(built(f"randomised[base={base}]", place.geometry))
    ends = torch.tensor([0, 255])  # what acts farther apart only never acts at ids below 256
    assert outside.slots == inside.slots_at(ends, ends) | {"positions"}
    for declared in ("directions", "per", "shift_invariant", "bias_reads_input"):
        assert getattr(outside, declared) == getattr(inside, declared)
    ids = torch.randperm(256, generator=generator(9))[:7].sort().values
    assert torch.equal(outside.positions(7, generator(9)), ids)
    place = replace(place, pos_q=ids[2:], pos_k=ids)
    x = torch.randn(2, 7, 42, generator=generator(1)).requires_grad_()
    ours, reference = (
        torch.cat([mixed_by(e, place).flatten(), e.embed(x, ids).flatten()]) for e in (outside, inside)
    )
    leaves = [x, *place.leaves]
    parity(
        "randomised",
        reference="the base encoding at the same positions",
        difference=difference(
            ours, reference, [*leaves, *outside.parameters()], [*leaves, *inside.parameters()]
        ),
    )


def test_a_base_is_built_for_the_longer_range(built: Callable[..., Any]) -> None:
    encoding = built("randomised[base=learned]")
    assert [tuple(p.shape) for p in encoding.parameters()] == [(40, 42)]
    assert (encoding.max_length, encoding.geometry.length) == (40, 5)
    assert built("randomised[base=learned,longest=11]").base.max_length == 11
    assert built("randomized").base.name == "absolute"


def test_scaling_for_longer_sequences_is_not_set_off_by_scattered_positions(
    built: Callable[..., Any],
) -> None:
    q = torch.randn(1, 3, 5, 14, generator=generator())
    ids = torch.tensor([0, 9, 20, 33, 39])
    yarn, rope = (built(f"randomised[base={base}]").rotate(q, q, ids, ids) for base in ("yarn", "rope"))
    assert torch.equal(yarn[0], rope[0])


def test_too_short_a_range_is_refused(built: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"randomised\[longest=4\].*sequences of 5 tokens.*5 or more"):
        built("randomised[longest=4]")


@pytest.mark.parametrize(
    ("base", "says"),
    [
        (lambda: Randomised(GEOMETRY, base=NoEncoding(GEOMETRY)), "randomised chooses the positions itself"),
        (lambda: Learned(GEOMETRY, max_length=39), "below 40, and learned is defined for 39 only"),
    ],
)
def test_a_base_that_cannot_follow_is_skipped(base: Callable[[], PositionalEncoding], says: str) -> None:
    with pytest.raises(Incompatible, match=says):
        Randomised(GEOMETRY, base=base())
