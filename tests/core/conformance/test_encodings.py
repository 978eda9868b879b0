"""The conformance kit on encodings: each check holds for one that is right, and fails for one that is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posharness.conformance import Finding, check, check_encoding
from posharness.contracts import PositionalEncoding, UserError
from posharness.registry.registry import Registry

from . import wrong_encodings as wrong


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def first_failure(findings: Iterator[Finding]) -> Finding:
    return next(finding for finding in findings if finding.verdict == "fails")


@pytest.mark.parametrize(
    ("encoding", "name", "said"),
    [
        (wrong.Spoken, "builds", "the name 'Spoken Name' cannot be typed"),
        (wrong.Raising, "builds", "raises ValueError: no luck today (wrong_encodings.py, line"),
        (wrong.Short, "builds", "max_length is 5 for training sequences of 13"),
        (wrong.Nowhere, "builds", "declares no direction"),
        (wrong.Refusing, "builds", "heads of this width are not served"),
        (wrong.Peeking, "bias input", "declare bias_reads_input"),
        (wrong.Blind, "bias input", "the same for every input"),
        (wrong.Misshapen, "shapes", "bias returns shape (3, 13, 13): expected (1, 3, 13, 13)"),
        (wrong.Square, "shapes", "bias returns shape (1, 3, 13, 13): expected (1, 3, 5, 13)"),
        (wrong.Lonely, "shapes", "rotate returns Tensor: expected a tuple of 2 tensors"),
        (wrong.Descending, "shapes", "positions are not ascending: [12, 11"),
        (wrong.NotANumber, "finite", "bias returns NaN"),
        (wrong.Failing, "bias input", "out of luck"),
        (wrong.Boasting, "slots", "reports the slot 'embed' and does not override it"),
        (wrong.Idle, "slots", "'rotate', which changes nothing"),
        (wrong.Widening, "types", "embed is given bfloat16 and returns float32"),
        (wrong.Orderless, "order", "bidirectional: a bidirectional body reads a bag of tokens"),
        (wrong.Modest, "order", "declares order_aware = False"),
        (wrong.Counting, "ids", "its scores differ"),
        (wrong.Embedding, "ids", "its embed differ"),
        (wrong.Mixing, "ids", "its values differ"),
        (wrong.Typed, "ids", "ids 0.0, 1.0, … give scores that differ"),
        (wrong.Centred, "queries", "change by"),
        (wrong.Anchored, "shift invariance", "a shift by 37 changes"),
        (
            wrong.Brittle,
            "max length",
            "within its max_length of 20, it raises IndexError: too far",
        ),
        (
            wrong.Silent,
            "max length",
            "beyond its max_length, bias returns NaN instead of raising",
        ),
        (wrong.Foreseeing, "queries", "when other queries and later keys are left out"),
        (wrong.Guessing, "queries", "when other queries and later keys are left out"),
        (
            wrong.Stretching,
            "padding",
            "when padding is added",
        ),
        (
            wrong.StretchingPadding,
            "padding",
            "when padding is added (8 real tokens of 26, trained on 13)",
        ),
        (wrong.Careless, "slots", "slots_at leaves out the slot 'bias', which acts at these positions"),
        (wrong.Averaging, "padding", "with the content of the padding"),
        (wrong.Long, "padding", "when padding is added"),
        (wrong.Sharing, "batch", "another one of its batch"),
        (wrong.Dividing, "length one", "NaN"),
        (wrong.Unlimited, "extrapolation", "at 104 tokens, trained on 13, it raises IndexError"),
        (wrong.Exploding, "extrapolation", "at 104 tokens, trained on 13, the hidden states hold NaN"),
        (wrong.Forgetful, "save and load", "a model that loads its weights differs"),
        (wrong.Precise, "bf16", "raises TypeError"),
        (wrong.Unused, "gradients", "other of layer 0 gets no gradient"),
        (wrong.Rounding, "gradients", "rate of layer 0 changes the output and gets a gradient of 0"),
        (wrong.Tiring, "deterministic", "the same input gives outputs that differ"),
        (wrong.Rolling, "no global randomness", "draws from the global generator of torch"),
        (wrong.Lavish, "memory", "twice the head width makes its largest tensor 2 times as large"),
        (
            wrong.Cubic,
            "memory",
            "makes its largest tensor 8 times as large, the scores 4 times",
        ),
        (wrong.Keeping, "memory", "twice the head width makes what it keeps for gradients"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 25 else "",
)
def test_the_first_check_to_fail_names_what_is_broken(
    encoding: type[PositionalEncoding], name: str, said: str, registry: Registry
) -> None:
    finding = first_failure(check(encoding, registry=registry))
    assert finding.check == name
    assert said in finding.why
    assert "\n" not in finding.why


@pytest.mark.parametrize(
    ("encoding", "name", "said"),
    [
        (
            wrong.Foreseeing,
            "causality",
            "position 1 reads the future: a later one of 13 tokens has a gradient of",
        ),
        (wrong.Guessing, "causality", "they read the future"),
        (wrong.Stretching, "prefix", "between 52 tokens at once and decoding step by step"),
    ],
)
def test_a_later_check_names_it_too(
    encoding: type[PositionalEncoding], name: str, said: str, registry: Registry
) -> None:
    found = {finding.check: finding for finding in check_encoding(encoding, registry=registry)}
    assert found[name].verdict == "fails"
    assert said in found[name].why


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [(wrong.Decay, ""), (wrong.Near, ""), (wrong.Candid, "it declares that it needs more")],
)
def test_what_is_right_passes_every_check(
    encoding: type[PositionalEncoding], reason: str, registry: Registry
) -> None:
    findings = check_encoding(encoding, registry=registry)
    assert [finding for finding in findings if finding.verdict == "fails"] == []
    assert {finding.check: finding.why for finding in findings}["memory"] == reason


def test_after_a_broken_foundation_no_check_guesses(registry: Registry) -> None:
    first, *others = check_encoding(wrong.Refusing, registry=registry)
    assert first.verdict == "fails"
    assert {(other.verdict, other.why) for other in others} == {
        ("not applicable", "cannot be checked before 'builds' holds")
    }
    names = [finding.check for finding in check_encoding(wrong.Decay, registry=registry)]
    assert [first.check, *(other.check for other in others)] == names


def test_parameters_that_go_nowhere_are_no_fault(registry: Registry) -> None:
    findings = check_encoding(wrong.Refusing, {"easy": True}, registry=registry)
    assert {finding.verdict for finding in findings} == {"not applicable"}
    assert findings[0].why == "heads of this width are not served"


def test_what_is_raised_is_kept(registry: Registry) -> None:
    finding = first_failure(check(wrong.Raising, registry=registry))
    assert "Traceback" in finding.traceback
    assert 'raise ValueError("no luck\\ntoday")' in finding.traceback


def test_parameters_are_those_that_were_given(registry: Registry) -> None:
    with pytest.raises(UserError, match="give a rate of 0 or more"):
        check_encoding(wrong.Decay, {"rate": -1.0}, registry=registry)
    with pytest.raises(UserError, match="'rats'"):
        check_encoding(wrong.Decay, {"rats": 1}, registry=registry)
    assert not [
        f for f in check_encoding(wrong.Decay, {"rate": "0.5"}, registry=registry) if f.verdict == "fails"
    ]
