"""The conformance kit: whether a plugin keeps its contract, for `harness check` and for tests.

from posharness.conformance import assert_conforms

def test_my_encoding():
    assert_conforms(MyEncoding)

The checks of each kind of plugin are in `<kind>_checks.py`, so this folder grows with the kinds.
"""

from posharness.conformance.finding import Check, Finding, Verdict
from posharness.conformance.kit import (
    assert_conforms,
    check,
    check_attention,
    check_claim,
    check_encoding,
    check_section,
    check_task,
)

__all__ = [
    "Check",
    "Finding",
    "Verdict",
    "assert_conforms",
    "check",
    "check_attention",
    "check_claim",
    "check_encoding",
    "check_section",
    "check_task",
]
