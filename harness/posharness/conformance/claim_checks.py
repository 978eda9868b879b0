"""What is asked of a claim: that it can be judged, whatever a store holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy

import pandas as pd

from posharness.conformance.finding import Check
from posharness.conformance.sample_frames import (
    changed,
    empty_frames,
    sample_frames,
    unfinished_frames,
)
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Claim, Frames, Group, Twins

__all__ = ["CLAIM_CHECKS"]

_COLUMNS = ["task", "label", "seed", "value", "reason"]
_RUN = ["task", "label", "seed"]


def builds(claim: type[Claim]) -> str:
    """It is built without arguments, under a name."""
    return well_named(claim().name)


def declares(claim: type[Claim]) -> str:
    """What is claimed, of what, and from which size on it matters."""
    for name in ("statement", "metric"):
        text = getattr(claim, name, "")
        if not (isinstance(text, str) and text.strip()):
            return f"{name} is {text!r}: expected text"
    pairs = getattr(claim, "contrasts", ())
    if not pairs:
        return "contrasts is empty: expected pairs of names of encodings"
    for pair in pairs:
        if not _is_contrast(pair):
            return (
                f"contrasts holds {pair!r}: expected two names of encodings or groups that differ, or twins"
            )
    smallest = claim.smallest_effect
    if not (isinstance(smallest, int | float) and 0 < smallest < math.inf):
        return f"smallest_effect is {smallest!r}: expected a number above 0"
    return ""


def _is_contrast(pair: object) -> bool:
    if isinstance(pair, Twins):
        return pair.better != pair.other
    sides = pair if isinstance(pair, tuple) else ()
    named = all(isinstance(side, Group) or (isinstance(side, str) and side) for side in sides)
    return len(sides) == 2 and named and sides[0] != sides[1]


def measured(make: Callable[[], Frames]) -> Callable[[type[Claim]], str]:
    """The check that what it measures of these frames is well-formed."""

    def check(claim: type[Claim]) -> str:
        return _malformed(claim().measure(make()))

    return check


def _malformed(found: pd.DataFrame) -> str:
    if not isinstance(found, pd.DataFrame):
        return f"measure returns {type(found).__name__}: expected a data frame"
    if missing := [name for name in _COLUMNS if name not in found]:
        return f"measure returns no column {missing[0]!r}: expected {', '.join(_COLUMNS)}"
    if twice := found[found.duplicated(_RUN)][_RUN].to_numpy().tolist():
        return f"measure has two values of one run: task, label and seed {twice[0]}"
    given = found["value"].astype(float).notna()
    if (given & (found["reason"] != "")).any():
        return "measure gives a run both a value and a reason for having none"
    if (~given & (found["reason"] == "")).any():
        return "measure gives a run neither a value nor a reason"
    return ""


def unchanged(claim: type[Claim]) -> str:
    """The frames, which all claims and sections share, are as they were."""
    frames = sample_frames()
    before = deepcopy(frames)
    claim().measure(frames)
    name = changed(frames, before)
    return name and f"it changes frames.{name}, which others read too"


def deterministic(claim: type[Claim]) -> str:
    """The same frames give the same numbers."""
    one, two = (claim().measure(sample_frames()) for _ in range(2))
    return "" if one.equals(two) else "the same frames give different values"


CLAIM_CHECKS: tuple[Check[type[Claim]], ...] = (
    Check("builds", builds, gate=True),
    Check("declares", declares),
    Check("results", measured(sample_frames)),
    Check("nothing done", measured(unfinished_frames)),
    Check("empty store", measured(empty_frames)),
    Check("frames unchanged", unchanged),
    Check("deterministic", deterministic),
)
