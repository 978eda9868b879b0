"""The plan of a tuning: its trials, and then the cells with the settings that were chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.experiment import Experiment
from posharness.experiment.tuning import Point, points, with_settings
from posharness.planning.plan import plan
from posharness.registry.registry import Registry

__all__ = ["FIRST_SEED", "Arm", "Trial", "Tuning", "arm_of", "plan_final", "plan_trials"]

FIRST_SEED = 1_000_000
"""The first seed of tuning: beyond those of experiments."""

Arm = tuple[str, str, str]
"""What settings are chosen for: a label on a task with a body."""


@dataclass(frozen=True)
class Tuning:
    """What is tuned.

    Attributes:
        grid: the values to try of each setting, as `posharness.experiment.tuning.grid_of` gives them.
        seeds: the number of runs of each point of the grid.
    """

    grid: Mapping[str, Sequence[Any]]
    seeds: int


@dataclass(frozen=True)
class Trial:
    """A run that tries a point of the grid."""

    cell: Cell
    point: Point


def arm_of(cell: Cell) -> Arm:
    """What a cell is a run of."""
    return cell.label, cell.task.label or cell.task.name, cell.body_name


def plan_trials(
    tuning: Tuning,
    experiment: Experiment,
    registry: Registry,
    cache: Path,
    announce: Callable[[str], None] = lambda _: None,
) -> list[Trial]:
    """The trials of a tuning: every encoding and task gets the same number.

    Raises:
        UserError: as `plan`, or a seed of the experiment is one of tuning.
    """
    if max(experiment.seed_list) >= FIRST_SEED:
        raise UserError(
            f"seeds: {max(experiment.seed_list)} is kept for tuning; give seeds below {FIRST_SEED}."
        )
    seeds = list(range(FIRST_SEED, FIRST_SEED + tuning.seeds))
    without = experiment.model_copy(update={"seeds": seeds, "readings": []})
    return [
        Trial(cell, point)
        for point in points(tuning.grid)
        for cell in plan(with_settings(without, point), registry, cache, announce)
    ]


def plan_final(
    chosen: Mapping[Arm, Point],
    experiment: Experiment,
    registry: Registry,
    cache: Path,
    announce: Callable[[str], None] = lambda _: None,
) -> list[Cell]:
    """The cells of an experiment, each with the point that was chosen for its arm; readings come last.

    Raises:
        UserError: as `plan`.
    """
    trained: list[Cell] = []
    readings: list[Cell] = []
    for point in [dict(items) for items in dict.fromkeys(tuple(each.items()) for each in chosen.values())]:
        cells = plan(with_settings(experiment, point), registry, cache, announce)
        own = [cell for cell in cells if not cell.pretrained and chosen[arm_of(cell)] == point]
        keys = {cell.key for cell in own}
        trained += own
        readings += [cell for cell in cells if cell.pretrained in keys]
    return [*sorted(trained, key=lambda cell: cell.seed), *readings]
