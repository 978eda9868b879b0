"""A definition without what cannot change a result: layout, comments, docstrings, annotations, summaries."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

from posharness.registry.source.definitions import chain, never_runs

__all__ = ["normal_form"]

_SHOWN = frozenset({"summary", "paper", "aliases"})
"""What a plugin declares for readers alone."""
_PLAIN = frozenset(
    {"abstractmethod", "cached_property", "classmethod", "hookimpl", "override", "property", "staticmethod"}
)
"""Decorators that do not look at annotations."""
_PLAIN_BASES = frozenset({"ABC", "Module", "object"})
"""Bases that do not look at annotations."""

F = TypeVar("F", ast.FunctionDef, ast.AsyncFunctionDef)


def normal_form(statement: ast.stmt, is_plugin: Callable[[ast.ClassDef], bool]) -> ast.stmt | None:
    """Take from a statement, in place, all that does not act; None when nothing is left.

    Imports are left out too, for what they lead to is followed by name. Annotations stay where they act: on
    the parameters of a plugin's constructor, under a decorator that may read them, and as the fields of a
    class whose decorators or bases may read them.
    """
    found = _Normal(is_plugin).visit(statement)
    return found if isinstance(found, ast.stmt) else None


class _Normal(ast.NodeTransformer):
    def __init__(self, is_plugin: Callable[[ast.ClassDef], bool]) -> None:
        self._is_plugin = is_plugin
        self._fields_act = False
        self._in_plugin = False

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        if not never_runs(node):
            return self.generic_visit(node)
        kept = [self.visit(inner) for inner in node.orelse]
        return [inner for inner in kept if isinstance(inner, ast.stmt)] or None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer = self._fields_act, self._in_plugin
        self._in_plugin = self._is_plugin(node)
        heirs = {_last(base) for base in node.bases} - _PLAIN_BASES or node.keywords
        self._fields_act = bool(node.decorator_list or (heirs and not self._in_plugin))
        if self._in_plugin:
            node.body = [inner for inner in node.body if not _is_shown(inner)]
        kept = self.generic_visit(node)
        self._fields_act, self._in_plugin = outer
        return kept

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if self._fields_act:
            return self.generic_visit(node)
        if node.value is None:
            return None
        plain = ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
        return self.generic_visit(plain)

    def _function(self, node: F) -> ast.AST:
        if all(_last(mark) in _PLAIN for mark in node.decorator_list):
            act = node.args.kwonlyargs if self._in_plugin and node.name == "__init__" else []
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg) and argument not in act:
                    argument.annotation = None
            node.returns = None
        outer = self._fields_act, self._in_plugin
        self._fields_act = self._in_plugin = False
        kept = self.generic_visit(node)
        self._fields_act, self._in_plugin = outer
        return kept

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if hasattr(node, "body") and node.body == []:
            node.body = [ast.Pass()]
        return node


def _is_shown(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        names = [chain(target) for target in statement.targets]
        return all(len(name) == 1 and name[0] in _SHOWN for name in names)
    return isinstance(statement, ast.AnnAssign) and _last(statement.target) in _SHOWN


def _last(node: ast.expr) -> str:
    """The last name of an expression: "dataclass" of `dataclasses.dataclass(frozen=True)`."""
    names = chain(node.func if isinstance(node, ast.Call) else node)
    return names[-1] if names else ""
