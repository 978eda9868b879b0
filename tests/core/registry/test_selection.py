"""What `--plugins` may say, and what it answers to a slip."""

import pytest

from posharness.errors import UserError
from posharness.registry.selection import Selection, parse, parse_all


def test_a_name_alone() -> None:
    assert parse(" rope ") == [Selection("rope", {})]


def test_a_grid_is_a_product() -> None:
    found = parse("relative[clip=8|16,values=true|false]")
    assert [tuple(s.params.values()) for s in found] == [
        ("8", "true"),
        ("8", "false"),
        ("16", "true"),
        ("16", "false"),
    ]


def test_brackets_nest() -> None:
    found = parse_all(["randomised[base=rope[fraction=0.5]|alibi],offset[ks=[1,2]]"])
    assert found == [
        Selection("randomised", {"base": "rope[fraction=0.5]"}),
        Selection("randomised", {"base": "alibi"}),
        Selection("offset", {"ks": "[1,2]"}),
    ]


def test_each_selection_once_in_order() -> None:
    assert [s.name for s in parse_all(["b,a", "b"])] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("rope[base=1", "closing"),
        ("rope]base", "too many"),
        ("rope[base]", "no parameter"),
        ("rope[base=]", "no value"),
        ("rope[base=1,base=2]", "twice"),
        ("[base=1]", "names no plugin"),
        ("rope[base=1]x", "does not end"),
    ],
)
def test_a_slip_is_named(text: str, word: str) -> None:
    with pytest.raises(UserError, match=word):
        parse_all([text])
