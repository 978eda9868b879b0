"""Reports: the built-in sections and the compiler, offered through the same hooks as anyone's."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from posharness.contracts import Compiler, ReportSection, hookimpl
from posharness_reports import sections
from posharness_reports.compiler import HtmlCompiler


@hookimpl
def posharness_report_sections() -> Sequence[type[ReportSection]]:
    """The sections that the modules of `sections` hold, in the order of their names.

    Names that start with an underscore are helpers. A module that cannot be imported raises: a
    built-in that is silently absent would be missed by nobody.
    """
    found: list[type[ReportSection]] = []
    for info in iter_modules(sections.__path__, sections.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = import_module(info.name)
        found += [
            value
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, ReportSection)
            and not inspect.isabstract(value)
            and not name.startswith("_")
            and value.__module__ == info.name
        ]
    return found


@hookimpl
def posharness_compilers() -> Sequence[type[Compiler]]:
    """The compiler of HTML reports."""
    return [HtmlCompiler]
