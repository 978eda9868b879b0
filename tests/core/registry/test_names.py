"""Names and labels can be typed, printed and told apart, whatever a plugin or a value is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.registry.parameters import readable
from posharness.registry.registry import Registry

PLUGIN = """
from posharness.contracts import PositionalEncoding, hookimpl

class Named(PositionalEncoding):
    name = {name!a}

@hookimpl
def posharness_encodings():
    return [Named]
"""


@pytest.mark.parametrize("name", ["fine", "my-own_2", "né", "a.b"])
def test_a_usable_name_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(name=name))
    assert Registry.load([tmp_path / "mine.py"]).encodings.has(name)


@pytest.mark.parametrize("name", ["", "a b", "\x1b[31m", "\u202ex", "x" * 61, "a[b", "a,b", "a|b", "../x"])
def test_a_name_that_cannot_be_typed_or_shown_breaks_its_plugin(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(name=name))
    registry = Registry.load([tmp_path / "mine.py"])
    (broken,) = registry.broken
    assert "cannot be typed" in broken.reason
    assert broken.reason.isprintable()
    assert len(broken.reason) < 400


def test_values_in_labels_are_seen_and_stay_apart() -> None:
    assert readable("16") == "16"
    assert readable("a\u202eb\n") == "a\\u202eb\\u000a"
    long, other = readable("x" * 1000 + "a"), readable("x" * 1000 + "b")
    assert len(long) < 80
    assert long != other
