"""Offers every task that a module or package of this folder holds."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from posharness.contracts import Task, hookimpl


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    """The tasks that the modules of this folder hold, in the order of their names.

    Names that start with an underscore are helpers. A module that cannot be imported raises: a
    built-in that is silently absent would be missed by nobody.
    """
    found: list[type[Task]] = []
    for info in iter_modules(__path__, __name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        found += [
            value
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, Task)
            and not inspect.isabstract(value)
            and not name.startswith("_")
            and (value.__module__ + ".").startswith(info.name + ".")
        ]
    return found
