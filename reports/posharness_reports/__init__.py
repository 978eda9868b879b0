"""Reports: the built-in sections, claims and compiler, offered through the same hooks as those of others."""

from __future__ import annotations

from collections.abc import Sequence

from posharness.contracts import Claim, Compiler, ReportSection, defined_in, hookimpl
from posharness_reports import claims, sections
from posharness_reports.compile.compiler import HtmlCompiler


@hookimpl
def posharness_report_sections() -> Sequence[type[ReportSection]]:
    """The sections in the folder `sections`."""
    return defined_in(sections, ReportSection)


@hookimpl
def posharness_claims() -> Sequence[type[Claim]]:
    """The claims in the folder `claims`."""
    return defined_in(claims, Claim)


@hookimpl
def posharness_compilers() -> Sequence[type[Compiler]]:
    """The compiler of HTML reports."""
    return [HtmlCompiler]
