"""The open plans of a store: the cells that runs want to have, for workers that join them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from posharness.contracts.atomic_files import write_json
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.store.layout import PLANS
from posharness.store.store import Store

__all__ = ["OpenPlan", "open_plans", "opened_plan"]


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """The cells of a run that has not ended.

    Attributes:
        path: of its file.
        plugin_paths: the single-file plugins that the run has loaded.
        directory: the working directory of the run, for texts that are named relative to it.
    """

    path: Path
    cells: tuple[Cell, ...]
    plugin_paths: tuple[Path, ...]
    directory: Path


@contextmanager
def opened_plan(store: Store, cells: Sequence[Cell], plugin_paths: Sequence[Path]) -> Iterator[None]:
    """Within it, the cells are an open plan of the store."""
    if not cells:
        yield
        return
    folder = store.path / PLANS
    folder.mkdir(exist_ok=True)
    path = folder / f"{uuid4().hex}.json"
    write_json(
        path,
        {
            "cells": [cell.model_dump(mode="json") for cell in cells],
            "plugin_paths": [str(each.resolve()) for each in plugin_paths],
            "directory": str(Path.cwd()),
        },
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def open_plans(store: Store) -> list[OpenPlan]:
    """The open plans, in no order. One whose run was killed is closed once all of its cells are done.

    Raises:
        UserError: a plan holds something else, as one of another version does.
    """
    found = []
    for path in sorted((store.path / PLANS).glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
            plan = OpenPlan(
                path,
                tuple(Cell.model_validate_json(json.dumps(cell)) for cell in content["cells"]),
                tuple(map(Path, content["plugin_paths"])),
                Path(content["directory"]),
            )
        except FileNotFoundError:  # its run has ended
            continue
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"The plan {path} cannot be read ({type(error).__name__}); use the version of posharness "
                "that wrote it, or delete the file."
            ) from error
        if all(cell.skip or store.done(cell.key) for cell in plan.cells):
            path.unlink(missing_ok=True)
        else:
            found.append(plan)
    return found
