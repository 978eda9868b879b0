"""Reports: the built-in sections and the compiler, offered through the same hooks as anyone's."""

from __future__ import annotations

from collections.abc import Sequence

from posharness.contracts import Claim, Compiler, ReportSection, defined_in, hookimpl
from posharness_reports import claims, sections
from posharness_reports.compile.compiler import HtmlCompiler


@hookimpl
def posharness_report_sections() -> Sequence[type[ReportSection]]:
    """The sections of the folder `sections`, one file each."""
    return defined_in(sections, ReportSection)


@hookimpl
def posharness_claims() -> Sequence[type[Claim]]:
    """The claims of the folder `claims`, one file each."""
    return defined_in(claims, Claim)


@hookimpl
def posharness_compilers() -> Sequence[type[Compiler]]:
    """The compiler of HTML reports."""
    return [HtmlCompiler]
