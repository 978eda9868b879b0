"""What is no JSON, and what no program should take for a value, is refused in one line."""

from __future__ import annotations

import pytest

from posharness.contracts.plain_values import check_plain
from posharness.contracts.strict_json import parse_json, strict_json


def test_what_is_written_is_read() -> None:
    value = {"a": [1, 2.5, None, True, "ä€😀"], "b": {"c": "\\ud"}}
    assert parse_json(strict_json(value, indent=1).encode()) == value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 10**5, "nested too deeply"),
        (b"1" * 5000, "digits"),
        (b"NaN", "NaN is not a number"),
        (b'{"a": [-Infinity]}', "-Infinity is not"),
        (b"[1e999]", "too large"),
        (b'{"a": "\\ud800"}', "half of a surrogate"),
        (b'{"\\uDC00": 1}', "half of a surrogate"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
    ],
)
def test_what_is_no_json_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(content)


@pytest.mark.parametrize(
    "value", [float("nan"), [1, float("inf")], {"a": 2**63}, "a\0b", {"\ud800": 1}, [[[[[]]]]] * 3]
)
def test_values_that_nobody_means_are_refused(value: object) -> None:
    if value == [[[[[]]]]] * 3:
        check_plain(value)
        for _ in range(40):
            value = [value]
    with pytest.raises(ValueError, match=r"finite|64 bits|half of|levels"):
        check_plain(value)
