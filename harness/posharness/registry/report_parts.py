"""The sections and claims of a report: one of every class that is offered."""

from __future__ import annotations

from typing import Any, NoReturn

from posharness.contracts import Claim, Frames, ReportSection
from posharness.registry.catalogue import Catalogue
from posharness.registry.plugin_code import plugin_code

__all__ = ["report_claims", "report_sections"]


def report_sections(catalogue: Catalogue[ReportSection]) -> list[ReportSection]:
    """One section of each class. If the constructor of a class raises, so does `build` of its section.

    So the report shows the section as failed, like any section that raises.
    """
    return [_built(entry.plugin, "build") for entry in catalogue.entries]


def report_claims(catalogue: Catalogue[Claim]) -> list[Claim]:
    """One claim of each class, in the order of the report.

    If the constructor of a class raises, so does `measure` of its claim.
    """
    classes = sorted((entry.plugin for entry in catalogue.entries), key=lambda cls: (cls.order, cls.name))
    return [_built(cls, "measure") for cls in classes]


def _built(cls: type[Any], method: str) -> Any:
    try:
        with plugin_code():
            return cls()
    except Exception as error:  # noqa: BLE001 - other people's code; the report shows the error
        reason = error

    def raising(self: object, frames: Frames) -> NoReturn:
        raise reason

    stand_in: Any = type(cls.__name__, (cls,), {"__init__": object.__init__, method: raising})
    return stand_in()
