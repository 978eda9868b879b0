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
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from posharness.store import Store

__all__ = ["print_plan"]


def print_plan(experiment: Experiment, store: Path, plugin_paths: Sequence[Path]) -> None:
    """Print one line for each cell, and the number of each sort; nothing is trained or written.

    Raises:
        UserError: as `posharness.api.execute`.
    """
    out = console()
    with out.status("preparing") as status:
        cells = plan(experiment, Registry.load(plugin_paths), cache_root(), status.update)
    opened = Store.open(store, create=False) if store.exists() else None
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


def _sort(cell: Cell, store: Store | None) -> str:
    if cell.skip:
        return "skipped"
    if store is not None and store.done(cell.key):
        return "reused"
    return "to read" if cell.pretrained else "to train"
