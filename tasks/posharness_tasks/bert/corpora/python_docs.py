"""The built-in corpus: the English prose that documents Python's standard library and language."""

from __future__ import annotations

import ast
import inspect
import os
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from posharness.contracts import UserError
from posharness_tasks.bert.corpora.prose import prose

__all__ = ["PYTHON_DOCS", "python_docs", "python_docs_sources"]

PYTHON_DOCS = "python-docs"

# Tests and examples hold little prose; other people's packages and what the build leaves are not the library.
_LEFT_OUT = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idle_test", "turtledemo", "ensurepip"}
)
_TOPICS = Path("pydoc_data", "topics.py")


def python_docs_sources(root: Path | None = None) -> list[Path]:
    """The source files of the standard library, in an order that does not depend on the file system.

    Args:
        root: folder of the standard library; this interpreter's own by default.

    Raises:
        UserError: this Python has no sources of its library.
    """
    root = Path(sysconfig.get_path("stdlib")) if root is None else root
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    if not found:
        raise UserError(
            f"the corpus {PYTHON_DOCS!r} is read from the standard library's sources, and {root} has none: "
            "use a Python that has them, or name another corpus (a text file, for instance)."
        )
    return sorted(found)


def python_docs(sources: list[Path]) -> Iterator[list[str]]:
    """One document for each module or topic: its sentences, in the order of the source.

    The modules are parsed, never imported. A repeated paragraph (topics quote each other, and modules share
    docstrings) is kept only at its first occurrence, so that no document repeats another.
    """
    seen: set[tuple[str, ...]] = set()
    for path in sources:
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError:  # a file that somebody else left among the library's
            continue
        texts: list[Iterable[str]] = (
            [[topic] for topic in _topics(tree)] if path.parts[-2:] == _TOPICS.parts else [_docstrings(tree)]
        )
        for document in texts:
            sentences: list[str] = []
            for text in document:
                for paragraph in prose(text):
                    if (key := tuple(paragraph)) not in seen:
                        seen.add(key)
                        sentences += paragraph
            if sentences:
                yield sentences


def _docstrings(node: ast.AST) -> Iterator[str]:
    """Docstrings of a module and of everything in it, in source order."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield ast.get_docstring(node) or ""
    # Only statements hold definitions; leaving expressions out halves the time.
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, field, ()):
            yield from _docstrings(child)


def _topics(tree: ast.Module) -> list[str]:
    """The texts of `pydoc_data.topics`, a module that assigns one dictionary of strings."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            topics: dict[str, str] = ast.literal_eval(node.value)
            return [inspect.cleandoc(text) for _, text in sorted(topics.items())]
    return []
