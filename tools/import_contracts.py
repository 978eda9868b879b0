"""Two contracts for import-linter: what a package may import, and no circle of imports."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Allowlist(Contract):
    """The packages `modules` import themselves, the standard library, what `allowed` names, and nothing else.

    A name stands for a package with all that lies in it. Only direct imports count.
    """

    modules: Any = fields.ListField(subfield=fields.StringField())
    allowed: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        refused = []
        for package in self.modules:
            if package not in graph.modules:
                raise ValueError(f"The allowlist names a package that does not exist: {package}.")
            admitted = {package, *self.allowed, *sys.stdlib_module_names}
            for importer in sorted({package, *graph.find_descendants(package)}):
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    if admitted.isdisjoint(_with_parents(imported)):
                        refused.append((importer, imported, _lines(graph, importer, imported)))
        return ContractCheck(kept=not refused, metadata={"refused": refused})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, lines in check.metadata["refused"]:
            output.print_error(f"{importer} may not import {imported} (l. {lines})", bold=False)
        output.new_line()


class NoCircle(Contract):
    """No module of `packages` imports itself by way of others; an import for annotations only counts too."""

    packages: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = {frozenset(circle): circle for package in self.packages for circle in circles(graph, package)}
        return ContractCheck(kept=not found, metadata={"circles": list(found.values())})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for circle in check.metadata["circles"]:
            output.print_error(" → ".join([*circle, circle[0]]), bold=False)
        output.new_line()


def circles(graph: ImportGraph, package: str) -> Iterator[tuple[str, ...]]:
    """The shortest circle through each import of a package's modules that closes one."""
    for importer in sorted({package, *graph.find_descendants(package)}):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            back = graph.find_shortest_chain(importer=imported, imported=importer)
            if back:
                yield back


def _with_parents(module: str) -> Iterable[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _lines(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    return ", ".join(str(detail["line_number"]) for detail in details)
