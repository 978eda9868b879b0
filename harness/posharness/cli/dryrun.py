"""`harness run --dry-run`: the cells of a command, and which of them the store already holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from posharness.cli.output import STYLES, console, count, print_rows
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.experiment import Experiment
from posharness.planning.looks import Looks
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.until_decided import stages

__all__ = ["print_plan"]


def print_plan(
    experiment: Experiment, store: Path, plugin_paths: Sequence[Path], most_seeds: int | None = None
) -> None:
    """Print one line for each cell, and the number of each sort; nothing is trained or written.

    Args:
        most_seeds: of a run until its report decides; then the cells are those of the first look whose cells
            are not all done.

    Raises:
        UserError: as `posharness.api.execute`.
    """
    out = console()
    with out.status("preparing") as status:
        registry = Registry.load(plugin_paths)
        opened = Store.open(store, create=False) if store.exists() else None
        looks: Looks | None = None
        if most_seeds is None:
            cells: Sequence[Cell] = plan(experiment, registry, cache_root(), status.update)
        else:
            for stage in stages(experiment, registry, store, most_seeds, status.update):
                looks, cells = stage.looks, stage.cells
                if opened is None or not all(cell.skip or opened.done(cell.key) for cell in cells):
                    break
    rows = []
    counts: Counter[str] = Counter()
    for cell in cells:
        sort = _sort(cell, opened)
        counts[sort] += 1
        rows.append(
            (
                cell.key[:8],
                cell.label,
                cell.task.label,
                cell.body_name,
                str(cell.seed),
                "" if cell.pretrained else str(cell.budget.steps),
                Text(sort, style=STYLES.get(sort, "")),
            )
        )
    print_rows(out, ("cell", "plugin", "task", "body", "seed", "steps", ""), rows)
    # All seeds are skipped for the same reason, which is printed once.
    reasons = {(cell.label, cell.task.label, cell.body_name): cell.skip for cell in cells if cell.skip}
    for (label, task, body), reason in reasons.items():
        out.print(
            Text("skipped", style=STYLES["skipped"]) + Text(f" {label} on {task}, {body}: {reason}"),
            soft_wrap=True,
        )
    facts = {(cell.task.label, fact): str(value) for cell in cells for fact, value in cell.facts.items()}
    if facts:
        print_rows(out, ("task", "data", ""), [(*name, value) for name, value in facts.items()])
    always = ("to train", "reused", "skipped")
    shown = [sort for sort in ("to train", "to read", "reused", "skipped") if sort in always or counts[sort]]
    sorts = ", ".join(f"{counts[sort]} {sort}" for sort in shown)
    out.print(f"{count('cell', len(cells))}: {sorts}")
    if looks:
        numbers = ", ".join(map(str, looks.seeds))
        out.print(
            f"look {looks.look} of {len(looks.seeds)}, which are at {numbers} seeds where something is open"
        )


def _sort(cell: Cell, store: Store | None) -> str:
    if cell.skip:
        return "skipped"
    if store is not None and store.done(cell.key):
        return "reused"
    return "to read" if cell.pretrained else "to train"
