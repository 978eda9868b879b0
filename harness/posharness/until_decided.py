"""Running an experiment with more seeds wherever its report leaves something open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from posharness.contracts import Undecided
from posharness.contracts.atomic_files import write_json
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.execution import Execution, RunSummary
from posharness.experiment import Experiment
from posharness.planning.looks import Looks, planned_looks
from posharness.registry.registry import Registry
from posharness.registry.report_parts import report_claims
from posharness.store import Store, examine
from posharness.store.layout import LOOKS
from posharness.store.records import read_record

__all__ = ["Stage", "recorded_looks", "run_until_decided", "stages"]


@dataclass(frozen=True)
class Stage:
    """What has to be done before a look.

    Attributes:
        looks: the plan, at this look.
        cells: every cell that the look is at, those of earlier looks included.
        undecided: what the look before left open, and gives more seeds to.
        given_up: what it left open too, and `Looks.hopeless` gives none.
    """

    looks: Looks
    cells: tuple[Cell, ...]
    undecided: tuple[Undecided, ...] = ()
    given_up: tuple[Undecided, ...] = ()


def run_until_decided(
    experiment: Experiment,
    execution: Execution,
    most: int,
    plan: Callable[[Experiment, Registry], list[Cell]],
    *,
    announce: Callable[[str], None] = lambda _: None,
) -> RunSummary:
    """Run an experiment, and add seeds where its report leaves something open, up to `most`.

    A store has one plan of looks: its rate of false statements can be spent once.

    Args:
        plan: gives the cells of an experiment.
        announce: called with what is open after each look.

    Raises:
        UserError: the experiment or its data are wrong, it lists single seeds, the store cannot be used, or
            its results were looked at by another plan.
    """
    examine(execution.store)
    registry = Registry.load(execution.plugin_paths)
    total = RunSummary((), frozenset())
    for stage in stages(experiment, registry, execution.store, most, plan):
        store = Store.open(execution.store, create=True)
        write_json(store.path / LOOKS, {"seeds": list(stage.looks.seeds), "look": stage.looks.look})
        for line in _explained(stage):
            announce(line)
        # A cell that failed before an earlier look is not tried again.
        todo = [cell for cell in stage.cells if cell.key not in total.outcomes]
        summary = execution.run(_always(todo))
        total = replace(summary.after(total), planned=stage.cells)
        if summary.stopped:
            break
    return total


def stages(
    experiment: Experiment,
    registry: Registry,
    path: Path | None,
    most: int,
    plan: Callable[[Experiment, Registry], list[Cell]],
) -> Iterator[Stage]:
    """The stages of a run, one look after the other. Before the next one is asked for, its cells are run.

    Args:
        path: the store; None where there is none yet.
        plan: gives the cells of an experiment.

    Raises:
        UserError: as `run_until_decided`.
    """
    looks = _plan_of(experiment, path, most)
    every = plan(experiment.model_copy(update={"seeds": most}), registry)
    wanted = {_arm(cell): looks.seeds[0] for cell in every}
    undecided: list[Undecided] = []
    given_up: list[Undecided] = []
    for number in range(1, len(looks.seeds) + 1):
        looks = replace(looks, look=number)
        trained = [cell for cell in every if not cell.pretrained and cell.seed < wanted[_arm(cell)]]
        keys = {cell.key for cell in trained}
        readings = [cell for cell in every if cell.pretrained in keys]
        yield Stage(looks, (*trained, *readings), tuple(undecided), tuple(given_up))
        if path is None or number == len(looks.seeds):
            return
        found = _undecided(experiment, registry, path, keys, looks.level)
        given_up = [each for each in found if looks.hopeless(each.seeds)]
        undecided = [each for each in found if each not in given_up]
        if not undecided:
            return
        for each in undecided:
            for label, task in wanted:
                if label in each.labels and task in each.tasks:
                    wanted[label, task] = looks.seeds[number]


def recorded_looks(path: Path) -> Looks | None:
    """The looks at the results of a store; None if all seeds were planned at once.

    Raises:
        UserError: the record cannot be read.
    """
    file = path / LOOKS
    if not file.exists():
        return None
    try:
        found = read_record(file)
        return Looks(tuple(found["seeds"]), found["look"])
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read ({error}); it says how often the results were looked at. Delete it, and "
            "the report counts a single look."
        ) from error


def _always(cells: list[Cell]) -> Callable[[Registry], list[Cell]]:
    return lambda _: cells


def _plan_of(experiment: Experiment, path: Path | None, most: int) -> Looks:
    if not isinstance(experiment.seeds, int):
        raise UserError(
            f"--until decided adds seeds to 0, 1, …; the experiment lists {experiment.seeds}. Give a number "
            "of seeds, for example --seeds 3."
        )
    looks = planned_looks(experiment.seeds, most)
    recorded = recorded_looks(path) if path else None
    if recorded and recorded.seeds != looks.seeds:
        raise UserError(
            f"The results in {path} were looked at with {_numbers(recorded)} seeds, and the looks of another "
            f"plan ({_numbers(looks)}) would raise the rate of false statements: give --seeds "
            f"{recorded.seeds[0]} --max-seeds {recorded.seeds[-1]}, or another --store."
        )
    return looks


def _numbers(looks: Looks) -> str:
    return ", ".join(map(str, looks.seeds))


def _arm(cell: Cell) -> tuple[str, str]:
    """What gets seeds: a label on a task, as the store names them."""
    return cell.label, cell.task.label or cell.task.name


def _undecided(
    experiment: Experiment, registry: Registry, path: Path, keys: set[str], level: float
) -> Sequence[Undecided]:
    """What a report of these cells leaves open at this rate of false statements."""
    from posharness.store.frames import read_frames  # not at the top: pandas and pyarrow import slowly

    compiler, _ = registry.compiler(experiment.compiler)
    frames = read_frames(Store.open(path, create=False)).only(keys)
    return compiler.undecided(frames, claims=report_claims(registry.claims), alpha=level)


def _explained(stage: Stage) -> Iterator[str]:
    """Which look comes, and why seeds are added."""
    looks = stage.looks
    number = looks.seeds[looks.look - 1]
    yield (
        f"look {looks.look} of {len(looks.seeds)}, at {number} seeds and a rate of false statements of "
        f"{looks.level:.2g}"
    )
    before = looks.seeds[looks.look - 2]
    added = f"seed {before}" if number == before + 1 else f"seeds {before} to {number - 1}"
    questions: dict[str, list[str]] = {}
    for each in stage.undecided:
        place = f"{' and '.join(sorted(each.labels))} on {', '.join(sorted(each.tasks))}"
        questions.setdefault(place, []).append(each.question)
    most = looks.seeds[-1]
    if stage.given_up:
        yield f"{len(stage.given_up)} open questions would need many more seeds than {most}"
    lacking = sum(each.seeds is None or before + each.seeds > most for each in stage.undecided)
    if lacking:
        of = f"{lacking} of {len(stage.undecided)} open questions"
        yield f"{of} are not likely to be decided by {most} seeds"
    for place, found in questions.items():
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"{added} for {place}: open is {found[0]}{more}"
