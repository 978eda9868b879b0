"""A module's source as definitions: what names are bound to, what is imported, and what else runs."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import resolve_name

__all__ = ["BY_CALL", "Module", "Target", "chain", "never_runs", "read_module"]

BY_CALL = "()"
"""In `imports_inside`, what a call such as `import_module("name")` imports under no name."""

_BLOCKS = ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While | ast.Match
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_ASSIGNS = ast.Assign | ast.AnnAssign | ast.AugAssign


@dataclass(frozen=True, slots=True)
class Target:
    """What an import binds a name to: a module, or an attribute of one."""

    module: str
    attribute: str = ""


@dataclass
class Module:
    """The source of one module.

    Attributes:
        package: what its relative imports start from.
        statements: its top-level statements.
        bindings: of each name, the statements that bind it, by their places in `statements`.
        imports: of each name, what an import binds it to.
        stars: modules of which every name is imported.
        executed: every module that its import imports.
        effects: the statements that do more than bind names.
        marked: definitions under a decorator, or classes with bases, which may do more.
        imports_inside: of each statement, the names that imports anywhere inside it bind.
    """

    name: str
    package: str
    statements: list[ast.stmt] = field(default_factory=list)
    bindings: dict[str, list[int]] = field(default_factory=dict)
    imports: dict[str, list[Target]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    executed: list[Target] = field(default_factory=list)
    effects: list[int] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    imports_inside: list[list[tuple[str, Target]]] = field(default_factory=list)

    def knows(self, name: str) -> bool:
        """Whether it binds a name itself."""
        return name in self.bindings or name in self.imports


def read_module(name: str, source: bytes | str, *, is_package: bool) -> Module:
    """Read the source of a module.

    Raises:
        SyntaxError: it is no Python.
    """
    module = Module(name, name if is_package else name.rpartition(".")[0])
    for statement in ast.parse(source).body:
        _add(module, statement)
    return module


def _imports_within(node: ast.AST, package: str) -> Iterator[tuple[str, Target]]:
    """Each name that an import inside a node binds, with its target; "*" for all names of a module.

    `import a.b` binds a, and a.b comes under the empty name. What a call imports comes under `BY_CALL`, with
    an empty target when the name of the module is computed.
    """
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            for alias in found.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, Target(alias.name if alias.asname else top)
                yield "", Target(alias.name)
        elif isinstance(found, ast.ImportFrom) and found.module != "__future__":
            module = _absolute("." * found.level + (found.module or ""), package)
            for alias in found.names:
                yield alias.asname or alias.name, Target(module, "" if alias.name == "*" else alias.name)
        elif isinstance(found, ast.Call) and chain(found.func)[-1:] in (("import_module",), ("__import__",)):
            given = found.args[0] if found.args else None
            text = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
            yield BY_CALL, Target(_absolute(text, package) if text else "")


def chain(node: ast.expr) -> tuple[str, ...]:
    """("a", "b", "c") of the expression `a.b.c`; empty for one that does not start at a name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else ()


def never_runs(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:` or `if __name__ == "__main__":`."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    if isinstance(test, ast.Compare):
        return ast.unparse(test) == "__name__ == '__main__'"
    return chain(test)[-1:] == ("TYPE_CHECKING",)


def _add(module: Module, statement: ast.stmt) -> None:
    if never_runs(statement):
        for other in statement.orelse if isinstance(statement, ast.If) else ():
            _add(module, other)
        return
    inside = list(_imports_within(statement, module.package))
    for name, target in inside if not isinstance(statement, _DEFINES) else ():
        module.executed.append(target)
        if name == "*":
            module.stars.append(target.module)
        elif name not in ("", BY_CALL):
            module.imports.setdefault(name, []).append(target)
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass) or _is_text(statement):
        return
    place = len(module.statements)
    module.statements.append(statement)
    module.imports_inside.append(inside)
    for name in dict.fromkeys(_bound(statement)):
        module.bindings.setdefault(name, []).append(place)
    if not _only_binds(statement, module):
        module.effects.append(place)
    elif isinstance(statement, _DEFINES) and _is_marked(statement):
        module.marked.append(place)


def _is_marked(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    heirs = isinstance(definition, ast.ClassDef) and bool(definition.bases or definition.keywords)
    return heirs or bool(definition.decorator_list)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, or whose value it changes in place."""
    if isinstance(statement, _DEFINES):
        yield statement.name
        for inner in ast.walk(statement):
            yield from inner.names if isinstance(inner, ast.Global) else ()
        return
    yield from _bound_by_expressions(statement)
    if isinstance(statement, ast.Assign):
        yield from _roots(statement.targets)
    elif isinstance(statement, ast.AnnAssign):
        yield from _roots([statement.target] if statement.value else [])
    elif isinstance(statement, ast.AugAssign):
        yield from _roots([statement.target])
    elif isinstance(statement, _BLOCKS):
        if isinstance(statement, ast.For):
            yield from _roots([statement.target])
        if isinstance(statement, ast.With):
            yield from _roots([item.optional_vars for item in statement.items if item.optional_vars])
        for inner in _inner(statement):
            yield from _bound(inner)
            if isinstance(inner, ast.Import | ast.ImportFrom):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in inner.names)
    elif isinstance(getattr(statement, "name", None), ast.Name):
        yield statement.name.id  # type: ignore[attr-defined]  # `type X = …`, since Python 3.12


def _bound_by_expressions(statement: ast.stmt) -> Iterator[str]:
    """The names that `:=` and the patterns of `match` bind."""
    for inner in ast.walk(statement):
        if isinstance(inner, ast.NamedExpr):
            yield from _roots([inner.target])
        elif isinstance(inner, ast.MatchAs | ast.MatchStar):
            yield from [inner.name] if inner.name else []
        elif isinstance(inner, ast.MatchMapping):
            yield from [inner.rest] if inner.rest else []


def _roots(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _roots(target.elts)
        elif isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
            yield from _roots([target.value])


def _only_binds(statement: ast.stmt, module: Module) -> bool:
    """Whether a statement does no more than give names of its module a value."""
    if isinstance(statement, ast.If | ast.Try):
        return all(_only_binds(inner, module) for inner in _inner(statement))
    if isinstance(statement, _ASSIGNS):
        if chain(statement.targets[0] if isinstance(statement, ast.Assign) else statement.target) == ("_",):
            return not isinstance(statement.value, ast.Call)  # called for what it does
        # A change to what came from elsewhere is seen by others.
        return not _changes(statement) or all(_is_own(name, module) for name in _bound(statement))
    harmless = _DEFINES | ast.Import | ast.ImportFrom | ast.Pass | ast.Raise
    return isinstance(statement, harmless) or _is_text(statement) or hasattr(statement, "type_params")


def _changes(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)


def _is_own(name: str, module: Module) -> bool:
    """Whether a name holds what the module itself made, and not what others may hold too."""
    statements = [module.statements[place] for place in module.bindings.get(name, ())]
    values = [getattr(found, "value", None) for found in statements if not _is_change(found)]
    return name not in module.imports and not any(
        isinstance(value, ast.Name | ast.Attribute | ast.Subscript)
        or (isinstance(value, ast.Call) and not hasattr(builtins, ".".join(chain(value.func))))
        for value in values
    )


def _is_change(statement: ast.stmt) -> bool:
    return isinstance(statement, _ASSIGNS) and _changes(statement)


def _inner(block: ast.stmt) -> Iterator[ast.stmt]:
    """The statements of a block, those of its `else` and `except` included."""
    for child in ast.iter_child_nodes(block):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _absolute(name: str, package: str) -> str:
    try:
        return resolve_name(name, package)
    except ImportError:  # beyond the top; it fails when it runs
        return name.lstrip(".")
