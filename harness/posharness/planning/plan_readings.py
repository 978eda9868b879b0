"""The plan of readings: one cell for each reading and model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from posharness.contracts import Incompatible, Task
from posharness.contracts.cell import CORPUS, RESULTS_VERSION, Cell, Choice
from posharness.errors import UserError, did_you_mean
from posharness.experiment import Experiment, ReadingSettings
from posharness.planning.apart import apart
from posharness.registry.parameters import parameters
from posharness.registry.plugin_code import PluginExit, plugin_code
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection, parse_all

__all__ = [
    "ALL",
    "SelectedReading",
    "choose_readings",
    "external_model",
    "plan_readings",
    "trained_model",
    "trains_masked_language_model",
]

ALL = "all"
"""Selects every reading."""


@dataclass(frozen=True, slots=True)
class SelectedReading:
    """A reading that an experiment selects.

    Attributes:
        named: whether it was named by itself; False where `ALL` stands for it.
    """

    choice: Choice
    named: bool


def trains_masked_language_model(task: Task) -> bool:
    """Whether this task trains a masked language model, as readings need."""
    return task.body == "encoder" and any(objective.readout == "mlm" for objective in task.objectives)


def trained_model(trained: Cell) -> Cell:
    """The model that a cell trains, as an argument of `plan_readings`."""
    skip = trained.skip and f"its model is skipped: {trained.skip}"
    changes = {"pretrained": trained.key, "results_version": RESULTS_VERSION, "skip": skip}
    return trained.model_copy(update=changes)


def external_model(label: str, identity: str, where: str, seed: int) -> Cell:
    """An external model, as an argument of `plan_readings`.

    Args:
        identity: the digest of everything that can change its output.
        where: its folder, or its id on the Hub.
    """
    name = Choice(name=label, label=label)
    return Cell(
        encoding=name,
        attention=Choice(name=""),
        body="encoder",
        task=name,
        seed=seed,
        pretrained=identity,
        where=where,
    )


def plan_readings(
    readings: Sequence[SelectedReading],
    models: Sequence[Cell],
    registry: Registry,
    cache: Path,
    announce: Callable[[str], None] = lambda _: None,
) -> list[Cell]:
    """The cells of each reading of each model, model by model.

    Readings are prepared here, once, so that a missing text is reported before anything runs. A reading that
    the text does not fit is skipped, with its reason, if it was not named by itself and another one fits.

    Raises:
        UserError: the text is missing or cannot be prepared.
    """
    prepared = apart(
        registry, lambda watched, announced: _prepare_all(readings, watched, cache, announced), announce
    )
    cells = [
        model.model_copy(update={"task": choice, "data": data, "skip": model.skip or skip})
        for model in models
        for choice, data, skip in prepared
    ]
    return list({cell.key: cell for cell in cells}.values())


def choose_readings(experiment: Experiment, registry: Registry) -> list[SelectedReading]:
    """The readings that an experiment selects, not yet prepared.

    Raises:
        UserError: an unknown reading or parameter, or a missing text.
    """
    known = registry.readings
    settings = {known.find(name).name: item for name, item in experiment.reading.items() if known.has(name)}
    if strangers := [name for name in experiment.reading if not known.has(name)]:
        raise UserError(f"[reading.{strangers[0]}]: unknown reading; {did_you_mean(strangers[0], known)}")
    if experiment.treebank and not experiment.readings:
        raise UserError(f"The text {experiment.treebank} is given, but no reading: give --readings {ALL}.")
    given = parse_all(experiment.readings)
    named = [selection for selection in given if selection.name != ALL]
    unnamed = [Selection(name, {}) for name in known] if len(named) < len(given) else []
    selected: list[SelectedReading] = []
    for selection in (*unnamed, *named):
        cls = known.find(selection.name)
        takes_text = {CORPUS: experiment.treebank} if experiment.treebank and _reads(cls) else {}
        params = settings.get(cls.name, ReadingSettings()).params
        choice = registry.choose(cls, {**takes_text, **params, **selection.params})
        if _reads(cls) and not choice.params[CORPUS]:
            raise UserError(
                f"The reading {cls.name} needs a text to read: give --treebank FILE, in CoNLL-U format."
            )
        # The place of the text is not part of the reading; its content is in `data`.
        plain = {name: value for name, value in choice.params.items() if name != CORPUS}
        label = f"{registry.choose(cls, plain).label} reading"
        labelled = choice.model_copy(update={"label": label})
        selected.append(SelectedReading(labelled, named=selection in named))
    return selected


def _reads(cls: type) -> bool:
    return CORPUS in parameters(cls)


def _prepare_all(
    readings: Sequence[SelectedReading], registry: Registry, cache: Path, announce: Callable[[str], None]
) -> list[tuple[Choice, str, str]]:
    """Each choice, the fingerprint of its text, and why it is skipped; "" when it is not."""
    prepared: list[tuple[Choice, str, str]] = []
    misfits: list[UserError] = []
    for reading in readings:
        try:
            prepared.append(_prepare(reading.choice, registry, cache, announce))
        except UserError as error:
            if reading.named:
                raise
            misfits.append(error)
            prepared.append((reading.choice, "", f"not named by itself, and does not fit: {error}"))
    if misfits and len(misfits) == len(readings):
        raise misfits[0]
    return prepared


def _prepare(
    choice: Choice, registry: Registry, cache: Path, announce: Callable[[str], None]
) -> tuple[Choice, str, str]:
    """The choice, the fingerprint of its text, and why it is skipped; "" when it is not."""
    announce(f"preparing {choice.label}")
    try:
        reading = registry.reading(choice)
        with plugin_code():
            reading.prepare(cache)
    except Incompatible as reason:
        return choice, "", str(reason)
    except PluginExit as leaving:
        raise UserError(f"The {choice.label} cannot be built: {leaving}.") from leaving
    return choice, reading.fingerprint(), ""
