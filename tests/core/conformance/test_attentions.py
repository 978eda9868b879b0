"""The conformance kit on attentions: each check passes what is right, and fails for what is not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.conformance import check, check_attention
from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry
from posharness.registry.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


class Plain(Attention):
    """Softmax attention written out, in steps that can go wrong one by one; right in every way."""

    name = "plain-of-the-tests"
    slots = frozenset(SLOTS)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, slots: BoundSlots) -> Tensor:
        s = self.score(q, k)
        if slots.bias is not None:
            s = self.biased(s, slots.bias.to(s.dtype))
        if slots.scores is not None:
            s = self.rewritten(s, slots)
        weights = self.weigh(s, mask).to(v.dtype)
        out = weights @ v
        return out if slots.values is None else self.mixed(out, weights, slots)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT * q.shape[-1] ** -0.5

    def biased(self, s: Tensor, bias: Tensor) -> Tensor:
        return s + bias

    def rewritten(self, s: Tensor, slots: BoundSlots) -> Tensor:
        assert slots.scores is not None
        return slots.scores(s)

    def weigh(self, s: Tensor, mask: Tensor | None) -> Tensor:
        return torch.softmax(s if mask is None else s.masked_fill(~mask, float("-inf")), -1)

    def mixed(self, out: Tensor, weights: Tensor, slots: BoundSlots) -> Tensor:
        assert slots.values is not None
        return slots.values(out, weights)


class Strange(Plain):
    name = "strange"
    slots = frozenset({"positions", "embed", "bais"})  # type: ignore[arg-type]


class Shy(Plain):
    name = "shy"
    slots = frozenset({"bias"})


class Flat(Plain):
    name = "flat"

    def forward(self, q: Tensor, *rest: Any) -> Tensor:
        return super().forward(q, *rest).flatten(1, 2)


class Dry(Plain):
    name = "dry"

    def weigh(self, s: Tensor, mask: Tensor | None) -> Tensor:
        return super().weigh(s, mask) / 0


class Angular(Plain):
    """Says that rotation speaks to it, and does not go by q·k."""

    name = "angular"

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return (q[:, :, :, None] + k[:, :, None]).tanh().sum(-1)


class Unturned(Plain):
    name = "unturned"

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return super().score(q.norm(dim=-1, keepdim=True), k.norm(dim=-1, keepdim=True))


class Deaf(Plain):
    name = "deaf"

    def biased(self, s: Tensor, bias: Tensor) -> Tensor:
        return s


class Common(Plain):
    """Takes the first sequence's bias for all."""

    name = "common"

    def biased(self, s: Tensor, bias: Tensor) -> Tensor:
        return s + bias[:1]


class Faint(Plain):
    """A bias can do only so much."""

    name = "faint"

    def biased(self, s: Tensor, bias: Tensor) -> Tensor:
        return s + bias.clamp(-3, 3)


class Silent(Plain):
    name = "silent"

    def rewritten(self, s: Tensor, slots: BoundSlots) -> Tensor:
        return s


class Stubborn(Plain):
    name = "stubborn"

    def rewritten(self, s: Tensor, slots: BoundSlots) -> Tensor:
        super().rewritten(s, slots)
        return s


class Early(Plain):
    """Gives `scores` what the bias has not been added to."""

    name = "early"

    def biased(self, s: Tensor, bias: Tensor) -> Tensor:
        self.late = bias
        return s

    def rewritten(self, s: Tensor, slots: BoundSlots) -> Tensor:
        return super().rewritten(s, slots)

    def weigh(self, s: Tensor, mask: Tensor | None) -> Tensor:
        s = s + self.late if hasattr(self, "late") else s
        vars(self).pop("late", None)
        return super().weigh(s, mask)


class Transposed(Plain):
    name = "transposed"

    def rewritten(self, s: Tensor, slots: BoundSlots) -> Tensor:
        assert slots.scores is not None
        return slots.scores(s.flatten(0, 1)).view_as(s)


class Unmixed(Plain):
    name = "unmixed"

    def mixed(self, out: Tensor, weights: Tensor, slots: BoundSlots) -> Tensor:
        super().mixed(out, weights, slots)
        return out


class Crooked(Plain):
    """Gives `values` weights that are not those it has mixed with."""

    name = "crooked"

    def mixed(self, out: Tensor, weights: Tensor, slots: BoundSlots) -> Tensor:
        return super().mixed(out, weights / 2, slots)


class Careless(Plain):
    """Hides keys a little."""

    name = "careless"

    def weigh(self, s: Tensor, mask: Tensor | None) -> Tensor:
        return torch.softmax(s if mask is None else s.masked_fill(~mask, -1.0), -1)


class TwoFaced(Plain):
    """Another attention without a mask than with one that hides nothing."""

    name = "two-faced"

    def weigh(self, s: Tensor, mask: Tensor | None) -> Tensor:
        return super().weigh(2 * s if mask is None else s, mask)


class Crowded(Plain):
    """What a query gets depends on which others are asked."""

    name = "crowded"
    directions = frozenset({"bidirectional"})

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return super().score(q - q.mean(2, keepdim=True), k)


class Counting(Plain):
    """A query's own key is that of its index from the end, as if the queries were the last tokens."""

    name = "counting"
    supports_cross_attention = False

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return super().score(q, k) + torch.ones(q.shape[2], k.shape[2]).tril(k.shape[2] - q.shape[2])


class CountingHonestly(Counting):
    name = "counting-honestly"
    queries = "last"


class Narrow(Plain):
    """Cannot read a sequence that is shorter than the one that reads."""

    name = "narrow"

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        queries, keys = q.shape[2], k.shape[2]
        return super().score(q, k) * (float("nan") if queries > keys else 1.0)


class Modest(Narrow):
    name = "modest"
    supports_cross_attention = False


class Foreseeing(Plain):
    """Reads the future where no mask looks: in the queries."""

    name = "foreseeing"
    queries = "last"
    directions = frozenset({"causal"})
    slots = frozenset(SLOTS) - {"rotate"}

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return super().score(q, k) * q[:, :, -1:].mean()


class Broadcasting(Plain):
    name = "broadcasting"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.unused = torch.nn.Parameter(torch.zeros(3))


class Lavish(Plain):
    name = "lavish"
    slots = frozenset(SLOTS) - {"rotate"}

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        return (q[:, :, :, None] + k[:, :, None]).tanh().sum(-1)


@pytest.mark.parametrize(
    ("attention", "name", "said"),
    [
        (Strange, "builds", "declares 'bais'"),
        (Shy, "builds", "does not declare 'embed'"),
        (Flat, "shapes", "returns shape (2, 39, 7): expected (2, 3, 13, 7)"),
        (Dry, "finite", "its output holds"),
        (Angular, "rotate", "its scores do not depend on q·k alone"),
        (Unturned, "rotate", "rotating queries and keys changes nothing"),
        (Deaf, "bias", "a bias changes nothing"),
        (Common, "bias", "a bias for each sequence differs"),
        (Faint, "bias", "a key whose bias is -10000 still changes the output"),
        (Silent, "scores", "never calls it"),
        (Stubborn, "scores", "does not use the returned scores"),
        (Early, "scores", "differ by"),
        (Transposed, "scores", "gives 'scores' shape (6, 13, 13): expected (2, 3, 13, 13)"),
        (Unmixed, "values", "does not use the returned values"),
        (Crooked, "values", "from the values mixed by the weights"),
        (Careless, "mask", "keys that the mask hides change the output"),
        (TwoFaced, "mask", "a mask that hides nothing changes"),
        (Crowded, "queries", "when other queries are left out"),
        (Counting, "queries", "it declares queries = 'any'"),
        (Narrow, "cross-attention", "across 5 keys its output holds NaN"),
        (Foreseeing, "causality", "reads the future"),
        (Broadcasting, "gradients", "unused of layer 0 gets no gradient"),
        (Lavish, "memory", "declare quadratic_memory = False"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_first_check_to_fail_names_what_is_broken(
    attention: type[Attention], name: str, said: str, registry: Registry
) -> None:
    finding = next(f for f in check(attention, registry=registry) if f.verdict == "fails")
    assert finding.check == name
    assert said in finding.why


@pytest.mark.parametrize("attention", [Plain, Modest, CountingHonestly])
def test_what_is_right_passes_every_check(attention: type[Attention], registry: Registry) -> None:
    findings = check_attention(attention, registry=registry)
    assert [finding for finding in findings if finding.verdict == "fails"] == []
    finding = next(finding for finding in findings if finding.check == "cross-attention")
    assert finding.verdict == ("holds" if attention.supports_cross_attention else "not applicable")


def test_a_slot_that_is_not_declared_is_not_asked_for(registry: Registry) -> None:
    class Narrowed(Plain):
        name = "narrowed"
        slots = frozenset({"positions", "embed"})

    found = {finding.check: finding for finding in check_attention(Narrowed, registry=registry)}
    for slot in ("rotate", "bias", "scores", "values"):
        assert (found[slot].verdict, found[slot].why) == ("not applicable", f"it does not declare {slot!r}")
