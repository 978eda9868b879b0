"""Keeps with a cell which plugins it was made by, and the source of those that are single files."""

from __future__ import annotations

import shutil
from pathlib import Path

from posharness.contracts.atomic_files import write_json
from posharness.contracts.cell import Cell, Choice
from posharness.registry.registry import Registry
from posharness.store.layout import PLUGINS, SOURCES

__all__ = ["keep_plugin_sources", "needed_files"]


def needed_files(cell: Cell, registry: Registry) -> tuple[Path, ...]:
    """The single-file plugins that a cell is made by; a reading may need any that made its model.

    A cell imports no others: one that changes torch or the process where it is imported changes no cell of
    another, and nobody waits for its import.
    """
    given = [path.resolve() for path in registry.plugin_paths]
    if cell.pretrained:
        return tuple(given)
    catalogues = [(registry.catalogues[kind], choice) for kind, choice in _parts(cell)]
    sources = [each.source_of(registry.class_of(each, choice)) for each, choice in catalogues]
    used = {Path(source.location).resolve() for source in sources if source and not source.version}
    return tuple(path for path in given if path in used)


def keep_plugin_sources(cell: Cell, registry: Registry, folder: Path) -> None:
    """Write what identifies each plugin, and copy single files with the neighbours that they use."""
    kept: list[dict[str, str]] = []
    for kind, choice in _parts(cell):
        catalogue = registry.catalogues[kind]
        plugin = registry.class_of(catalogue, choice)
        source, where = registry.digests.source(plugin), catalogue.source_of(plugin)
        first = next(iter(source.files.values()))
        about = {"kind": kind, "name": choice.name, "file": first.name, "digest": source.digest}
        kept.append(about | ({"package": where.package, "version": where.version} if where else {}))
        if where and not where.version:
            for path in source.files.values():
                if path.is_relative_to(first.parent):
                    copy = folder / SOURCES / path.relative_to(first.parent)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
    write_json(folder / PLUGINS, {"plugins": kept})


def _parts(cell: Cell) -> list[tuple[str, Choice]]:
    if cell.pretrained:
        return [("readings", cell.task)]
    attentions = dict.fromkeys(part.name for part in (cell.attention, cell.self_attention) if part)
    parts = [part for part in (cell.attention, cell.self_attention) if part]
    return [
        *(("encodings", choice) for choice in (cell.encoding, *cell.encoding.nested)),
        *(("attentions", next(part for part in parts if part.name == name)) for name in attentions),
        ("tasks", cell.task),
    ]
