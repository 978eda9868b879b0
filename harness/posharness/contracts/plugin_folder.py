"""Finds the plugin classes in a package's folder, so that adding a file is all it takes to add a plugin."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

__all__ = ["defined_in"]


def defined_in(package: ModuleType, base: type) -> list[type[Any]]:
    """The concrete subclasses of `base` that the package's modules and packages define, in their order.

    Modules and classes whose name starts with an underscore are helpers. A module that cannot be
    imported raises: a built-in that is silently absent would be missed by nobody.
    """
    found: list[type[Any]] = []
    for info in iter_modules(package.__path__, package.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        found += [
            value
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, base)
            and not inspect.isabstract(value)
            and not name.startswith("_")
            # A package may define its class in a module of its own.
            and (value.__module__ + ".").startswith(info.name + ".")
        ]
    return found
