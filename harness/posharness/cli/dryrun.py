"""`harness run --dry-run`: the cells of a command, and which of them the store already holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from posharness.cli.output import STYLES, console, count, print_rows
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.experiment import Experiment
from posharness.planning.plan import plan
from posharness.planning.plan_tuning import Tuning, plan_final, plan_trials
from posharness.registry.process_copy import check_imports
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.tuning import choose
from posharness.until_decided import stages

__all__ = ["print_plan"]


def print_plan(
    experiment: Experiment,
    store: Path,
    plugin_paths: Sequence[Path],
    most_seeds: int | None = None,
    tuning: Tuning | None = None,
    *,
    measure: bool = False,
    workers: int | None = None,
) -> None:
    """Print one line for each cell, and the number of each sort; nothing is trained or written.

    Args:
        measure: train some steps of each kind of cell, and print what the plan costs.
        workers: of the run whose cost is printed; None for the default of its executor.
        most_seeds: of a run until its report decides; then the cells are those of the first look whose cells
            are not all done.
        tuning: what is tuned first; the cells are its trials until all of these are done.

    Raises:
        UserError: as `posharness.api.execute`.
    """
    out = console()
    check_imports(plugin_paths)
    registry = Registry.load(plugin_paths)
    executor = registry.executor(experiment.executor, workers=workers, timeout=None)
    with out.status("preparing") as status:
        opened = Store.open(store, create=False) if store.exists() else None
        cells, note = _next(experiment, opened, registry, most_seeds, tuning, status.update)
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
    if note:
        out.print(note)
    if measure:
        from posharness.cli.measure import print_cost

        to_train = [cell for cell in cells if _sort(cell, opened) == "to train"]
        print_cost(to_train, plugin_paths, executor)
        if counts["to read"]:
            out.print(
                f"{count('reading', counts['to read'])} come after that; what they take is not measured"
            )


def _next(
    experiment: Experiment,
    opened: Store | None,
    registry: Registry,
    most_seeds: int | None,
    tuning: Tuning | None,
    announce: Callable[[str], None],
) -> tuple[Sequence[Cell], str]:
    """The cells that a command runs next, and what comes after them."""

    def done(cells: Sequence[Cell]) -> bool:
        return opened is not None and all(cell.skip or opened.done(cell.key) for cell in cells)

    def planned(asked: Experiment, registry: Registry) -> list[Cell]:
        if chosen is not None:
            return plan_final(chosen, asked, registry, cache_root(), announce)
        return plan(asked, registry, cache_root(), announce)

    chosen = None
    if tuning:
        trials = plan_trials(tuning, experiment, registry, cache_root(), announce)
        cells = [trial.cell for trial in trials]
        if opened is None or not done(cells):
            return cells, f"trials of {', '.join(tuning.grid)}; then come the cells with what they choose"
        chosen = choose(trials, opened)
    if most_seeds is None:
        return planned(experiment, registry), ""
    path = opened.path if opened else None
    for stage in stages(experiment, registry, path, most_seeds, planned):
        looks = stage.looks
        if not done(stage.cells):
            break
    numbers = ", ".join(map(str, looks.seeds))
    note = f"look {looks.look} of {len(looks.seeds)}, which are at {numbers} seeds where something is open"
    return stage.cells, note


def _sort(cell: Cell, store: Store | None) -> str:
    if cell.skip:
        return "skipped"
    if store is not None and store.done(cell.key):
        return "reused"
    return "to read" if cell.pretrained else "to train"
