"""What is asked of an encoding's slots one by one: shapes, finite numbers, honest declarations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from posharness.conformance.bench import CLOSE, LENGTH, QUERIES, Bench, difference, draw
from posharness.conformance.finding import Check
from posharness.conformance.model_checks import LONGER, REPEATABLE, not_finite, runs
from posharness.conformance.tensors import SlotInput, call, slot_input
from posharness.contracts import SLOTS, PositionalEncoding, Slot

__all__ = ["SLOT_CHECKS", "builds", "well_named"]


def well_named(name: str) -> str:
    """What is wrong with a plugin's name."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        return ""
    return f"its name {name!r} cannot be typed in --plugins: use lower-case letters, digits, '-' and '_'"


def builds(bench: Bench) -> str:
    """It is built in each layer of a model, with a name, and as long as training needs."""
    encoding = bench.build_encoding()
    if encoding.per not in ("model", "layer"):
        return f"per is {encoding.per!r}: expected 'model' or 'layer'"
    limit = encoding.max_length
    if limit is not None and limit < LENGTH:
        return f"max_length is {limit} for training sequences of {LENGTH} tokens"
    _ = bench.model
    return well_named(encoding.name)


def slots(bench: Bench) -> str:
    """The slots it reports are overridden, each changes something, and those of `slots_at` are enough."""
    encoding = bench.build_encoding()
    for slot in encoding.slots:
        if slot not in SLOTS:
            return f"it reports {slot!r}: the slots are {', '.join(SLOTS)}"
        if getattr(type(encoding), slot) is getattr(PositionalEncoding, slot):
            return f"it reports the slot {slot!r} and does not override it"
    # What leaves sequences of training alone may act on longer ones.
    limit = encoding.max_length or LONGER * LENGTH
    for slot in encoding.slots:
        if not any(_acts(encoding, slot, bench, length) for length in (LENGTH, min(limit, LONGER * LENGTH))):
            return f"it reports the slot {slot!r}, which changes nothing"
    for length in (LENGTH, min(limit, LONGER * LENGTH)):
        pos = torch.arange(length)
        left_out = encoding.slots - encoding.slots_at(pos, pos)
        if wrong := [slot for slot in left_out if _acts(encoding, slot, bench, length)]:
            return f"slots_at leaves out the slot {wrong[0]!r}, which acts at these positions"
    return ""


def _acts(encoding: PositionalEncoding, slot: Slot, bench: Bench, length: int) -> bool:
    given = slot_input(bench, length=length)
    with torch.no_grad():
        pairs = zip(
            _tensors(call(encoding, slot, given)),
            _tensors(call(PositionalEncoding(encoding.geometry), slot, given)),
            strict=True,
        )
        return any(difference(acted, plain) > 0 for acted, plain in pairs)


def shapes(bench: Bench) -> str:
    """Each slot returns tensors of the shapes of its contract, for fewer queries than keys too."""
    encoding = bench.build_encoding()
    square = slot_input(bench)
    for given in (square, square.last(QUERIES)):
        for slot in (slot for slot in SLOTS if slot in encoding.slots):
            if wrong := _misshapen(slot, call(encoding, slot, given), _expected(encoding, slot, given)):
                return wrong
    if "positions" in encoding.slots:
        ids: Tensor = call(encoding, "positions", square)
        if ids.dtype is torch.bool or ids.is_complex():
            return f"positions returns {str(ids.dtype).removeprefix('torch.')}: expected integers or floats"
        if bool((ids.diff() < 0).any()):
            return f"positions are not ascending: {ids.tolist()}"
    return ""


def _expected(encoding: PositionalEncoding, slot: Slot, given: SlotInput) -> list[tuple[int, ...]]:
    b, h, q, d = given.q.shape
    n = len(given.pos_k)
    match slot:
        case "positions":
            return [(n,)]
        case "embed":
            return [(b, n, encoding.geometry.width)]
        case "rotate":
            return [(b, h, q, d), (b, h, n, d)]
        case "bias":
            return [(b if encoding.bias_reads_input else 1, h, q, n)]
        case "scores":
            return [(b, h, q, n)]
        case "values":
            return [(b, h, q, d)]


def _misshapen(slot: Slot, returned: object, expected: Sequence[tuple[int, ...]]) -> str:
    if len(expected) > 1 and not (isinstance(returned, tuple | list) and len(returned) == len(expected)):
        return f"{slot} returns {type(returned).__name__}: expected a tuple of {len(expected)} tensors"
    for tensor, due in zip(_tensors(returned), expected, strict=True):
        if not isinstance(tensor, Tensor):
            return f"{slot} returns {type(tensor).__name__}: expected a tensor of shape {due}"
        if tuple(tensor.shape) != due:
            return f"{slot} returns shape {tuple(tensor.shape)}: expected {due}"
    return ""


def _tensors(returned: object) -> list[Tensor]:
    return list(returned) if isinstance(returned, tuple | list) else [returned]  # type: ignore[list-item]


def finite(bench: Bench) -> str:
    """No slot makes NaN, nor infinite numbers other than a score of −∞, and a model with them neither."""
    encoding, given = bench.build_encoding(), slot_input(bench)
    for slot in (slot for slot in SLOTS if slot in encoding.slots):
        for tensor in _tensors(call(encoding, slot, given)):
            hiding = slot in ("bias", "scores")
            shown = tensor.masked_fill(~given.mask | tensor.isneginf(), 0) if hiding else tensor
            if not shown.isfinite().all():
                return f"{slot} returns {not_finite(shown)}"
    return runs(bench)


def types(bench: Bench) -> str:
    """What is given in bfloat16 comes back in bfloat16, so that it meets the rest of the model's numbers."""
    encoding, given = bench.build_encoding().bfloat16(), slot_input(bench)
    parts = {name: getattr(given, name).bfloat16() for name in ("q", "k", "v", "x")}
    for slot in (slot for slot in _CONTENT if slot in encoding.slots):
        for tensor in _tensors(call(encoding, slot, replace(given, **parts))):
            if tensor.dtype is not torch.bfloat16:
                found = str(tensor.dtype).removeprefix("torch.")
                return f"{slot} is given bfloat16 and returns {found}: add .to(x.dtype), or q's or v's"
    return ""


_CONTENT: tuple[Slot, ...] = ("embed", "rotate", "values")
"""The slots whose result is no score: attentions take scores of any type."""


def _acts_on_content(bench: Bench) -> str:
    acts = bench.build_encoding().slots & set(_CONTENT)
    return "" if acts else f"it has none of {', '.join(_CONTENT)}"


def bias_input(bench: Bench) -> str:
    """`bias` reads the layer's input where it is declared to, and works without it elsewhere."""
    encoding, given = bench.build_encoding(), slot_input(bench)
    if not encoding.bias_reads_input:
        try:
            call(encoding, "bias", given)
        except Exception as error:
            raise RuntimeError(
                f"bias does not work without x; declare bias_reads_input if it needs it ({error})"
            ) from error
        return ""
    other = replace(given, x=draw(*given.x.shape, purpose="another input"))
    with torch.no_grad():
        apart = difference(call(encoding, "bias", given), call(encoding, "bias", other))
    return "it declares bias_reads_input, and its bias is the same for every input" if apart == 0 else ""


def _has_bias(bench: Bench) -> str:
    return "" if "bias" in bench.build_encoding().slots else "it has no bias"


def order(bench: Bench) -> str:
    """In a bidirectional body, two tokens that change places change what the others read."""
    batch = bench.batch()
    swapped = torch.arange(LENGTH)
    swapped[2], swapped[5] = 5, 2
    tokens = batch.tokens.clone()
    tokens[:, 2], tokens[:, 5] = 3, 7
    with torch.no_grad():
        here = bench.hidden(replace(batch, tokens=tokens))
        there = bench.hidden(replace(batch, tokens=tokens[:, swapped]))
    sees = difference(here, there[:, swapped]) > CLOSE
    declared = bench.build_encoding().order_aware
    if sees and not declared:
        return (
            "it declares order_aware = False, but with it a bidirectional body depends on the order of tokens"
        )
    if declared and not sees:
        return "a bidirectional body reads a bag of tokens; declare order_aware = False if that is the method"
    return ""


def _bidirectional(bench: Bench) -> str:
    causal = bench.direction == "causal"
    return "a causal body tells order by its mask" if causal else ""


SLOT_CHECKS: tuple[Check[Bench], ...] = (
    Check("builds", builds, gate=True),
    Check("bias input", bias_input, _has_bias, gate=True),
    Check("shapes", shapes, gate=True),
    Check("finite", finite, gate=True),
    *REPEATABLE,
    Check("slots", slots),
    Check("types", types, _acts_on_content),
    Check("order", order, _bidirectional),
)
