"""Finds the plugin classes of a package, so that a new file is enough to add a plugin."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

__all__ = ["defined_in"]


def defined_in(package: ModuleType, base: type) -> list[type[Any]]:
    """The concrete subclasses of `base` that the modules of a package define, sorted by module.

    Modules and classes whose name starts with an underscore are left out: they are helpers.

    Raises:
        Exception: a module cannot be imported; nobody would notice a plugin that is silently absent.
    """
    classes: list[type[Any]] = []
    for info in iter_modules(package.__path__, package.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        classes += [
            value
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, base)
            and not inspect.isabstract(value)
            and not name.startswith("_")
            # A package may import its class from one of its modules.
            and (value.__module__ + ".").startswith(info.name + ".")
        ]
    return classes
