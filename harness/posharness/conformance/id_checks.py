"""What is asked of an encoding about position ids: that it honours them, near, shifted, gapped and far."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from posharness.conformance.bench import CLOSE, LENGTH, QUERIES, Bench, at_positions, difference
from posharness.conformance.finding import Check, raised
from posharness.conformance.model_checks import LONGER, not_finite
from posharness.conformance.tensors import SlotInput, call, pair_scores, slot_input
from posharness.contracts import SLOTS, PositionalEncoding

__all__ = ["ID_CHECKS"]

_SOME = (0, 3, 5, 8, 9, 12)
"""Tokens with gaps between them. The first and the last are there, so that the span is the same."""
_SCATTERED = (1, 4, 5, 9)
"""Queries that are not the last tokens."""
_SHIFT = 37

_REFUSALS = (IndexError, RuntimeError, TypeError, ValueError)
"""What an encoding raises for ids that it is not defined for."""


def ids(bench: Bench) -> str:
    """Tokens at gapped positions get what they get at these positions among all others.

    Only where the slot looks at one pair of tokens at a time: what reads the tokens in between changes
    when they are gone. Whether it does is seen by changing them.
    """
    encoding, some = bench.build_encoding(), torch.tensor(_SOME)
    with torch.no_grad():
        given, other = slot_input(bench), slot_input(bench, "other")
        mixed = _elsewhere(given, other, some)
        for slot, read in _READINGS.items():
            if slot not in encoding.slots and slot != "scores":
                continue
            full = read(encoding, given, some)
            if difference(full, read(encoding, mixed, some)) > CLOSE:
                continue
            alone = read(encoding, given.at(some), torch.arange(len(some)))
            if (apart := difference(full, alone)) > CLOSE:
                return f"at ids {list(_SOME)} its {slot} differ by {apart:.2g} from those among 0..12"
    return _other_types(encoding, given)


def _elsewhere(given: SlotInput, other: SlotInput, some: Tensor) -> SlotInput:
    """`given`, with the content of `other` in all tokens but some."""
    keep = torch.zeros(LENGTH, dtype=torch.bool)
    keep[some] = True
    q, k, v = (
        torch.where(keep[:, None], one, two)
        for one, two in ((given.q, other.q), (given.k, other.k), (given.v, other.v))
    )
    x = torch.where(keep[:, None], given.x, other.x)
    return SlotInput(q, k, v, x, given.pos_q, given.pos_k, given.mask)


def _embedded(encoding: PositionalEncoding, given: SlotInput, some: Tensor) -> Tensor:
    embedded: Tensor = call(encoding, "embed", given)
    return embedded[:, some]


def _scored(encoding: PositionalEncoding, given: SlotInput, some: Tensor) -> Tensor:
    return pair_scores(encoding, given)[:, :, some][..., some]


def _mixed(encoding: PositionalEncoding, given: SlotInput, some: Tensor) -> Tensor:
    kept = torch.zeros(given.k.shape[2])
    kept[some] = 1
    weights = given.q.sigmoid() @ given.k.mT.sigmoid() * kept
    return encoding.values(weights @ given.v, weights, given.v, given.pos_q, given.pos_k)[:, :, some]


_READINGS: Mapping[str, Callable[[PositionalEncoding, SlotInput, Tensor], Tensor]] = {
    "embed": _embedded,
    "scores": _scored,
    "values": _mixed,
}


def _other_types(encoding: PositionalEncoding, given: SlotInput) -> str:
    """Ids as floats give the same, and fractional ones finite numbers; or either raises."""
    with torch.no_grad():
        whole = _or_raises(encoding, given.positioned(given.pos_k.float()))
        if whole is not None and (apart := difference(whole, pair_scores(encoding, given))) > CLOSE:
            return f"ids 0.0, 1.0, … give scores that differ by {apart:.2g} from those of 0, 1, …"
        halves = _or_raises(encoding, given.positioned(given.pos_k * 0.5 + 0.25))
    if halves is None or (halves.isfinite() | halves.isneginf()).all():
        return ""
    return f"fractional ids give {not_finite(halves)}"


def _or_raises(encoding: PositionalEncoding, given: SlotInput) -> Tensor | None:
    try:
        if "embed" in encoding.slots:
            call(encoding, "embed", given)
        return pair_scores(encoding, given)
    except _REFUSALS:
        return None


def _reads_ids(bench: Bench) -> str:
    acts = bench.build_encoding().slots - {"positions"}
    return "" if acts else "no slot of it reads ids"


def queries(bench: Bench) -> str:
    """Some queries alone get the scores that they get among all, in a causal body without later keys."""
    encoding, given = bench.build_encoding(), slot_input(bench)
    # `rotate` is given all keys in any case.
    causal = bench.direction == "causal" and "rotate" not in encoding.slots
    with torch.no_grad():
        every = pair_scores(encoding, given)
        for some in (torch.arange(LENGTH)[-QUERIES:], torch.tensor(_SCATTERED)):
            keys = int(some[-1]) + 1 if causal else LENGTH
            alone = pair_scores(encoding, given.asked(some).keys(keys))
            if (apart := difference(every[:, :, some, :keys], alone)) > CLOSE:
                left = "other queries and later keys" if keys < LENGTH else "other queries"
                return f"the scores of a query change by {apart:.2g} when {left} are left out"
    return ""


def _acts_on_scores(bench: Bench) -> str:
    acts = bench.build_encoding().slots & {"rotate", "bias", "scores"}
    return "" if acts else "none of its slots acts on scores"


def shift(bench: Bench) -> str:
    """Positions that are all shifted give the same hidden states."""
    model = bench.model
    with torch.no_grad():
        with at_positions(model, torch.arange(LENGTH)):
            here = bench.hidden()
        with at_positions(model, torch.arange(LENGTH) + _SHIFT):
            there = bench.hidden()
    apart = difference(here, there)
    return (
        f"it declares shift_invariant, and a shift by {_SHIFT} changes hidden states by {apart:.2g}"
        if apart > CLOSE
        else ""
    )


def _claims_shift(bench: Bench) -> str:
    return "" if bench.build_encoding().shift_invariant else "it does not declare shift_invariant"


def max_length(bench: Bench) -> str:
    """Up to its max_length all is finite; beyond, it raises or is finite still."""
    encoding = bench.build_encoding()
    limit = encoding.max_length
    assert limit is not None
    try:
        within = _far(encoding, bench, limit - 1)
    except _REFUSALS as error:
        within = f"it {raised(error)}"
    if within:
        return f"with an id of {limit - 1}, within its max_length of {limit}, {within}"
    if limit <= LONGER * LENGTH:
        with torch.no_grad():
            hidden = bench.hidden(bench.batch(limit))
        if not hidden.isfinite().all():
            return f"at its max_length of {limit} the hidden states hold {not_finite(hidden)}"
    try:
        beyond = _far(encoding, bench, limit)
    except _REFUSALS:
        return ""
    return f"with an id of {limit}, beyond its max_length, {beyond} instead of raising" if beyond else ""


def _far(encoding: PositionalEncoding, bench: Bench, last: int) -> str:
    """What is wrong with ids that end in `last`."""
    given = slot_input(bench)
    pos = torch.arange(LENGTH)
    pos[-1] = last
    with torch.no_grad():
        for slot in (slot for slot in SLOTS if slot in encoding.slots - {"positions"}):
            returned = call(encoding, slot, given.positioned(pos))
            for tensor in returned if isinstance(returned, tuple) else (returned,):
                shown = tensor.masked_fill(tensor.isneginf(), 0)
                if not shown.isfinite().all():
                    return f"{slot} returns {not_finite(shown)}"
    return ""


def _has_limit(bench: Bench) -> str:
    limited = bench.build_encoding().max_length is not None
    return "" if limited else "it declares no max_length"


ID_CHECKS: tuple[Check[Bench], ...] = (
    Check("ids", ids, _reads_ids),
    Check("queries", queries, _acts_on_scores),
    Check("shift invariance", shift, _claims_shift),
    Check("max length", max_length, _has_limit),
)
