"""What is asked of an attention: that it honours each slot it declares, and the mask it is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from posharness.conformance.bench import BATCH, CLOSE, LENGTH, QUERIES, Bench, difference, draw
from posharness.conformance.finding import Check
from posharness.conformance.model_checks import REPEATABLE, not_finite, runs
from posharness.conformance.slot_checks import well_named
from posharness.conformance.tensors import SlotInput, slot_input
from posharness.contracts import SLOTS, Attention, BoundSlots, Slot

__all__ = ["ATTENTION_CHECKS"]

_HIDING = -1e4
"""A bias that hides a key, as far as a score can."""
_KEY = 2
_SCATTERED = (1, 4, 5, 9)
"""Queries that are not the last tokens."""


@dataclass(frozen=True)
class _Call:
    """One attention with the tensors that it is called with; `mask` as a body gives it."""

    attention: Attention
    given: SlotInput
    mask: Tensor | None

    @classmethod
    def on(cls, bench: Bench) -> _Call:
        given = slot_input(bench)
        return cls(bench.build_attention(), given, given.mask if bench.direction == "causal" else None)

    def __call__(self, slots: BoundSlots | None = None, **changed: Tensor) -> Tensor:
        given = replace(self.given, **changed)
        with torch.no_grad():
            out: Tensor = self.attention(given.q, given.k, given.v, self.mask, slots or BoundSlots())
        return out

    @property
    def bias(self) -> Tensor:
        """A bias of order one, (1, h, q, k)."""
        return draw(1, *self.given.q.shape[1:3], self.given.k.shape[2], purpose="bias")


def builds(bench: Bench) -> str:
    """It is built in each layer of a model, with a name, and declares slots that there are."""
    attention = bench.build_attention()
    if strange := set(attention.slots) - set(SLOTS):
        return f"it declares {sorted(strange)[0]!r}: the slots are {', '.join(SLOTS)}"
    if lacking := {"positions", "embed"} - set(attention.slots):
        return f"it does not declare {sorted(lacking)[0]!r}, which the body honours for every attention"
    _ = bench.model
    return well_named(attention.name)


def shapes(bench: Bench) -> str:
    """The output has the shape of the queries, for fewer queries than keys too."""
    call = _Call.on(bench)
    fewer = () if call.attention.queries == "all" else (call.given.last(QUERIES),)
    for given in (call.given, *fewer):
        mask = None if call.mask is None else given.mask
        out = replace(call, given=given, mask=mask)()
        if not isinstance(out, Tensor):
            return f"it returns {type(out).__name__}: expected a tensor"
        if out.shape != given.q.shape:
            return f"it returns shape {tuple(out.shape)}: expected {tuple(given.q.shape)}"
    return ""


def finite(bench: Bench) -> str:
    """It gives finite numbers, and a model with it does."""
    out = _Call.on(bench)()
    return runs(bench) if out.isfinite().all() else f"its output holds {not_finite(out)}"


def honours_bias(bench: Bench) -> str:
    """A bias changes the output, for each sequence its own, and one of −10⁴ hides a key."""
    call = _Call.on(bench)
    plain, biased = call(), call(BoundSlots(bias=call.bias))
    if difference(plain, biased) <= CLOSE:
        return "it declares 'bias', but a bias changes nothing"
    each = torch.cat([call.bias, torch.zeros_like(call.bias)])
    if (apart := difference(call(BoundSlots(bias=each)), torch.cat([biased[:1], plain[1:]]))) > CLOSE:
        return f"a bias for each sequence differs by {apart:.2g} from the same bias for all"
    hiding = torch.zeros_like(call.bias)
    hiding[..., _KEY] = _HIDING
    hidden = BoundSlots(bias=hiding)
    others = torch.arange(LENGTH) != _KEY
    read = difference(call(hidden)[:, :, others], call(hidden, v=_replaced(call.given.v))[:, :, others])
    return f"a key whose bias is {_HIDING:g} still changes the output by {read:.2g}" if read > CLOSE else ""


def honours_scores(bench: Bench) -> str:
    """`scores` is given the scores with the bias in them, and what it returns is used."""
    call = _Call.on(bench)
    seen: list[Tensor] = []

    def watch(s: Tensor) -> Tensor:
        seen.append(s.detach().clone())
        return s

    if (apart := difference(call(), call(BoundSlots(scores=watch)))) > CLOSE:
        return f"a 'scores' that returns its input changes the output by {apart:.2g}"
    if not seen:
        return "it declares 'scores', but never calls it"
    b, h, q, _ = call.given.q.shape
    if seen[0].shape != (b, h, q, call.given.k.shape[2]):
        return f"it gives 'scores' shape {tuple(seen[0].shape)}: expected {(b, h, q, call.given.k.shape[2])}"
    added = call(BoundSlots(scores=lambda s: s + call.bias))
    if difference(call(), added) <= CLOSE:
        return "it declares 'scores', but does not use the returned scores"
    if "bias" not in call.attention.slots:
        return ""
    if (apart := difference(added, call(BoundSlots(bias=call.bias)))) > CLOSE:
        return f"a bias differs by {apart:.2g} from the same numbers added in 'scores'"
    call(BoundSlots(bias=call.bias, scores=watch))
    shown = seen[-1] - seen[0]
    if (apart := difference(*(x.masked_fill(~call.given.mask, 0) for x in (shown, call.bias)))) > CLOSE:
        return f"the scores that it gives 'scores' differ by {apart:.2g} from its own with the bias added"
    return ""


def honours_values(bench: Bench) -> str:
    """`values` is given the weights and their mix of the values, and what it returns is used."""
    call = _Call.on(bench)
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(out: Tensor, weights: Tensor) -> Tensor:
        seen.append((out.detach().clone(), weights.detach().clone()))
        return out

    if (apart := difference(call(), call(BoundSlots(values=watch)))) > CLOSE:
        return f"a 'values' that returns its input changes the output by {apart:.2g}"
    if not seen:
        return "it declares 'values', but never calls it"
    out, weights = seen[0]
    b, h, q, _ = call.given.q.shape
    if weights.shape != (b, h, q, call.given.k.shape[2]):
        return f"it gives 'values' weights of shape {tuple(weights.shape)}: expected (b, h, q, k)"
    if (apart := difference(out, weights @ call.given.v)) > CLOSE:
        return f"what it gives 'values' differs by {apart:.2g} from the values mixed by the weights"
    extra = draw(*out.shape, purpose="extra")
    if difference(call(), call(BoundSlots(values=lambda out, weights: out + extra))) <= CLOSE:
        return "it declares 'values', but does not use the returned values"
    return ""


def honours_rotate(bench: Bench) -> str:
    """Queries and keys that all turn by the same angles give the same output, and by others another one."""
    call = _Call.on(bench)
    d = call.given.q.shape[-1]
    same = torch.ones(LENGTH)
    each = torch.arange(LENGTH).float()
    if (
        apart := difference(call(), call(q=_turned(call.given.q, same), k=_turned(call.given.k, same)))
    ) > CLOSE:
        return (
            f"it declares 'rotate', but rotating all queries and keys of width {d} alike changes the "
            f"output by {apart:.2g}: its scores do not depend on q·k alone"
        )
    if difference(call(), call(q=_turned(call.given.q, each), k=_turned(call.given.k, each))) <= CLOSE:
        return "it declares 'rotate', but rotating queries and keys changes nothing"
    return ""


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    """Each pair of neighbouring components turned by the position's angle; an odd last one stays."""
    pairs = x[..., : x.shape[-1] // 2 * 2].reshape(*x.shape[:-1], -1, 2)  # b h n c 2
    faster = angle[:, None] * torch.arange(1, pairs.shape[-2] + 1) / math.pi  # n c
    one, two = pairs.unbind(-1)
    cos, sin = faster.cos(), faster.sin()
    turned = torch.stack([one * cos - two * sin, one * sin + two * cos], -1).flatten(-2)
    return torch.cat([turned, x[..., turned.shape[-1] :]], -1)


def mask(bench: Bench) -> str:
    """Keys that the mask hides change nothing, and no mask is one that hides nothing."""
    call = _Call.on(bench)
    if call.mask is None and (apart := difference(call(), replace(call, mask=call.given.mask)())) > CLOSE:
        return f"a mask that hides nothing changes the output by {apart:.2g}"
    # As a body has it: the last keys of the first sequence are padding.
    hidden = torch.zeros(BATCH, 1, 1, LENGTH, dtype=torch.bool)
    hidden[0, ..., -3:] = True
    padded = replace(call, mask=call.given.mask & ~hidden)
    other = padded(k=_replaced(call.given.k, slice(-3, None)), v=_replaced(call.given.v, slice(-3, None)))
    apart = difference(padded()[:1, :, :-3], other[:1, :, :-3])
    return f"keys that the mask hides change the output by {apart:.2g}" if apart > CLOSE else ""


def _replaced(x: Tensor, tokens: slice = slice(_KEY, _KEY + 1)) -> Tensor:
    x = x.clone()
    x[:, :, tokens] += 3
    return x


def queries(bench: Bench) -> str:
    """Some queries alone get the output that they get among all: the last ones, or any, as it declares."""
    call = _Call.on(bench)
    some = torch.arange(LENGTH)[-QUERIES:]
    if call.attention.queries == "any":
        some = torch.tensor(_SCATTERED)
    given = call.given.asked(some)
    alone = replace(call, given=given, mask=None if call.mask is None else given.mask)()
    apart = difference(call()[:, :, some], alone)
    if apart <= CLOSE:
        return ""
    return (
        f"it declares queries = {call.attention.queries!r}, but the output of a query changes by {apart:.2g} "
        "when other queries are left out"
    )


def _some_queries(bench: Bench) -> str:
    return "it declares queries = 'all'" if bench.build_attention().queries == "all" else ""


def cross_attention(bench: Bench) -> str:
    """It reads another sequence: more queries than keys or fewer, and no key that is padding."""
    given = slot_input(bench).keys(QUERIES)
    real = torch.ones(BATCH, 1, 1, QUERIES, dtype=torch.bool)
    real[0, ..., -2:] = False
    mask = real.expand(-1, -1, LENGTH, -1)
    call = _Call(bench.build_attention(), given, mask)
    out = call()
    if out.shape != given.q.shape:
        return f"across {QUERIES} keys it returns shape {tuple(out.shape)}: expected {tuple(given.q.shape)}"
    if not out.isfinite().all():
        return f"across {QUERIES} keys its output holds {not_finite(out)}"
    padding = slice(-2, None)
    other = call(k=_replaced(given.k, padding), v=_replaced(given.v, padding))
    if (apart := difference(out[0], other[0])) > CLOSE:
        return f"padding of the sequence that is read changes the output by {apart:.2g}"
    return ""


def _supports_cross_attention(bench: Bench) -> str:
    if bench.direction == "causal":
        return "another sequence is read in both directions"
    supported = bench.build_attention().supports_cross_attention
    return "" if supported else "it declares supports_cross_attention = False"


def _declares(slot: Slot) -> Callable[[Bench], str]:
    def applies(bench: Bench) -> str:
        return "" if slot in bench.build_attention().slots else f"it does not declare {slot!r}"

    return applies


ATTENTION_CHECKS: tuple[Check[Bench], ...] = (
    Check("builds", builds, gate=True),
    Check("shapes", shapes, gate=True),
    Check("finite", finite, gate=True),
    *REPEATABLE,
    Check("mask", mask),
    Check("rotate", honours_rotate, _declares("rotate")),
    Check("bias", honours_bias, _declares("bias")),
    Check("scores", honours_scores, _declares("scores")),
    Check("values", honours_values, _declares("values")),
    Check("queries", queries, _some_queries),
    Check("cross-attention", cross_attention, _supports_cross_attention),
)
