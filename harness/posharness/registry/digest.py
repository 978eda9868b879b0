"""A digest of a plugin's own source: it changes when the plugin could behave differently, and only then."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from importlib.util import find_spec, resolve_name
from pathlib import Path

__all__ = ["source_digest"]

_CORE = "posharness"


def source_digest(cls: type) -> str:
    """SHA-256 of the code of every module that the class is made of.

    These are the modules of the class and of its bases outside the core, and whatever they import from
    their own top-level package. Comments and docstrings do not count.
    """
    modules = {base.__module__ for base in cls.__mro__ if _is_plugin_code(base)}
    root = cls.__module__.partition(".")[0]
    seen: dict[str, str] = {}
    queue = sorted(modules)
    while queue:
        name = queue.pop()
        path = _path(name)
        if name in seen or path is None:
            continue
        tree = ast.parse(path.read_bytes())
        seen[name] = _code(tree)
        queue += [found for found in _imports(tree, name) if found.partition(".")[0] == root]
    joined = "\x1f".join(f"{name}\x1e{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()


def _is_plugin_code(base: type) -> bool:
    top = base.__module__.partition(".")[0]
    return top != _CORE and top not in sys.stdlib_module_names and not top.startswith("torch")


def _path(name: str) -> Path | None:
    module = sys.modules.get(name)
    try:
        # A single-file plugin is known to `sys.modules` alone.
        source = (
            inspect.getsourcefile(module) if module else (spec.origin if (spec := find_spec(name)) else None)
        )
    except (TypeError, ModuleNotFoundError):
        return None
    return Path(source) if source and source.endswith(".py") and Path(source).exists() else None


def _imports(tree: ast.Module, name: str) -> list[str]:
    module = sys.modules.get(name)
    package = (module.__package__ or "") if module else name.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            absolute = resolve_name(source, package) if node.level else source
            # `from package import module` names a module, `from module import thing` does not.
            found += [absolute, *(f"{absolute}.{alias.name}" for alias in node.names)]
    return found


def _code(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
