"""The conformance kit on claims: it passes what is right, and names what is broken."""

from __future__ import annotations

from itertools import count
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from posharness.conformance import assert_conforms, check_claim
from posharness.contracts import Claim, Frames, defined_in
from posharness_reports import claims

_calls = count()


class Right(Claim):
    """Right in every way."""

    name = "right"
    statement = "Far is better than near."
    contrasts: ClassVar[Any] = (("far", "near"),)
    metric = "accuracy"

    def measure(self, frames: Frames) -> pd.DataFrame:
        means = frames.predictions.groupby(["task", "label", "seed"], observed=True)["correct"].mean()
        return means.rename("value").reset_index().assign(reason="")


class Needy(Right):
    name = "needy"

    def __init__(self, what: int) -> None:
        self.what = what


class Wordless(Right):
    name = "wordless"
    statement = " "


class Unmeasured(Right):
    name = "unmeasured"
    metric = ""


class Alone(Right):
    name = "alone"
    contrasts = ()


class Itself(Right):
    name = "itself"
    contrasts = (("far", "near"), ("far", "far"))


class Everything(Right):
    name = "everything"
    smallest_effect = 0


class Listing(Right):
    name = "listing"

    def measure(self, frames: Frames) -> Any:
        return [0.5]


class Narrow(Right):
    name = "narrow"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return super().measure(frames).drop(columns="reason")


class Twice(Right):
    name = "twice"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return pd.concat([super().measure(frames)] * 2)


class Silent(Right):
    name = "silent"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return super().measure(frames).assign(value=np.nan)


class Both(Right):
    name = "both"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return super().measure(frames).assign(reason="not learned")


class Hungry(Right):
    name = "hungry"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return super().measure(frames).assign(value=frames.cells["score"].iloc[0])


class Meddling(Right):
    name = "meddling"

    def measure(self, frames: Frames) -> pd.DataFrame:
        frames.cells["score"] = 1.0
        return super().measure(frames)


class Fickle(Right):
    name = "fickle"

    def measure(self, frames: Frames) -> pd.DataFrame:
        return super().measure(frames).assign(value=float(next(_calls)))


@pytest.mark.parametrize(
    ("claim", "name", "said"),
    [
        (Needy, "builds", "TypeError"),
        (Wordless, "declares", "statement is ' ': expected text"),
        (Unmeasured, "declares", "metric is ''"),
        (Alone, "declares", "contrasts is empty"),
        (Itself, "declares", "('far', 'far')"),
        (Everything, "declares", "smallest_effect is 0: expected a number above 0"),
        (Listing, "results", "measure returns list"),
        (Narrow, "results", "no column 'reason'"),
        (Twice, "results", "two values of one run: task, label and seed ['recall', 'far', 0]"),
        (Silent, "results", "neither a value nor a reason"),
        (Both, "results", "both a value and a reason for having none"),
        (Hungry, "empty store", "IndexError"),
        (Meddling, "frames unchanged", "it changes frames.cells"),
        (Fickle, "deterministic", "different values"),
    ],
)
def test_the_first_check_to_fail_names_what_is_broken(claim: type[Claim], name: str, said: str) -> None:
    finding = next(finding for finding in check_claim(claim) if finding.verdict == "fails")
    assert finding.check == name
    assert said in finding.why


@pytest.mark.parametrize("claim", [Right, *defined_in(claims, Claim)], ids=lambda claim: claim.name)
def test_what_is_right_passes_every_check(claim: type[Claim]) -> None:
    assert {finding.verdict for finding in check_claim(claim)} == {"holds"}
    assert_conforms(claim)
