"""The reports read no column that nobody writes: a misspelt name is found without a frame that has rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import posharness_reports
from posharness.contracts.columns import COSTS, TABLES

ROOT = Path(posharness_reports.__file__).parent
SCHEMA = {name for table in (*TABLES, COSTS) for name in table.names}
ELSEWISE = {"value_other", "log p"}
"""Made by the suffix of a merge, and the key of a dict that is no frame."""

READERS = {"groupby", "grouped", "sort_values", "set_index", "drop_duplicates", "pivot_table", "nunique"}


def texts(node: ast.expr | None) -> Iterator[str]:
    """The strings that an index or an argument names: one, or a list or tuple of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield from texts(element)


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def names_a_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id[:1].isupper()


def columns_read(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Strings that a frame is indexed, grouped, sorted or filtered by, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not names_a_type(node.value):
            yield from ((text, node.lineno) for text in texts(node.slice))
        elif isinstance(node, ast.Call) and called(node) in READERS:
            for argument in node.args:
                yield from ((text, node.lineno) for text in texts(argument))
        elif isinstance(node, ast.Call) and called(node) == "matching":
            yield from ((word.arg, node.lineno) for word in node.keywords if word.arg)


def columns_made(tree: ast.AST) -> Iterator[str]:
    """Names that the reports give themselves: keys, assigned columns, and the columns of a new frame."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                yield from texts(key)
                yield from texts(value)  # the new names of a renaming
        elif isinstance(node, ast.Call):
            if called(node) in ("assign", "agg"):
                yield from (word.arg for word in node.keywords if word.arg)
            if called(node) in ("rename", "rename_axis", "agg"):
                yield from (text for argument in node.args for text in texts(argument))
            if called(node) == "DataFrame":
                for word in node.keywords:
                    yield from texts(word.value) if word.arg == "columns" else ()
        elif isinstance(node, ast.Assign):
            yield from texts(node.value)
            for target in node.targets:
                yield from texts(target.slice) if isinstance(target, ast.Subscript) else ()


def unknown(sources: dict[str, str]) -> list[str]:
    """The columns that are read but neither in the schema nor made, by file and line."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    made = SCHEMA.union(ELSEWISE, *(set(columns_made(tree)) for tree in trees.values()))
    return [
        f"{name}:{line}: {text!r}"
        for name, tree in trees.items()
        for text, line in columns_read(tree)
        if text not in made
    ]


def test_every_column_that_is_read_is_in_the_schema_or_made_by_the_reports() -> None:
    assert unknown({str(path.relative_to(ROOT)): path.read_text() for path in ROOT.rglob("*.py")}) == []


@pytest.mark.parametrize(
    "line",
    [
        'rows["dependancy_length"]',
        'rows[["label", "dependancy_length"]]',
        'rows.loc[rows["correct"], "dependancy_length"]',
        'rows.groupby(["label", "dependancy_length"])',
        "matching(rows, dependancy_length=1)",
    ],
)
def test_a_misspelt_column_is_found(line: str) -> None:
    assert unknown({"section.py": line}) == ["section.py:1: 'dependancy_length'"]
