"""Nothing is offered that was not checked against a reference."""

from __future__ import annotations

import re
from pathlib import Path

from posharness.registry.registry import Registry

from .parity import TOLERANCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "parity.md"
ROW = re.compile(r"^\| (\S+) \| (.+) \| (.+) \| (\S+) \|$", re.MULTILINE)


def test_every_encoding_and_attention_has_a_row_within_tolerance() -> None:
    rows = ROW.findall(PAGE.read_text())
    registry = Registry.load()
    offered = {*registry.encodings, *registry.attentions}
    checked = {name for name, *_ in rows if name != "plugin"}
    assert sorted(offered - checked) == [], "without a row: make the page again, as it says there"
    assert sorted(checked - offered) == [], "rows of what is not offered"
    assert [row for row in rows if row[0] != "plugin" and not float(row[3]) <= TOLERANCE] == []
