"""The plan of an experiment: its cells, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

from posharness.contracts import Body, Incompatible, Task
from posharness.contracts.cell import CORPUS, BodyName, Cell, Choice
from posharness.errors import UserError, did_you_mean
from posharness.experiment import Experiment
from posharness.planning.apart import apart
from posharness.planning.compatibility import Compatibility
from posharness.planning.plan_readings import (
    choose_readings,
    plan_readings,
    trained_model,
    trains_masked_language_model,
)
from posharness.planning.trainer import check_trainer
from posharness.registry.parameters import parameters
from posharness.registry.plugin_code import PluginExit, plugin_code
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection, parse_all

__all__ = ["plan", "unknown"]


def plan(
    experiment: Experiment, registry: Registry, cache: Path, announce: Callable[[str], None] = lambda _: None
) -> list[Cell]:
    """The cells of an experiment, seed by seed; readings of the trained models come last.

    Plugins of others are built in a copy of this process. Tasks are prepared here, once, so that a missing
    corpus is reported before anything trains.

    Args:
        cache: the folder of prepared corpora.
        announce: called with a message before each preparation.

    Raises:
        UserError: an unknown plugin, task or parameter, or data that cannot be prepared.
    """
    return apart(registry, lambda watched, announced: _plan(experiment, watched, cache, announced), announce)


def _plan(
    experiment: Experiment, registry: Registry, cache: Path, announce: Callable[[str], None]
) -> list[Cell]:
    encodings, attentions, default = _plugins(experiment, registry)
    tasks = _tasks(experiment, registry)
    readings = choose_readings(experiment, registry)
    compatibility = Compatibility(registry)
    cells: dict[str, Cell] = {}
    models: dict[str, Cell] = {}
    for seed, (choice, named, skip, task), encoding, attention in product(
        experiment.seed_list,
        [_prepare(*item, registry, cache, announce) for item in tasks],
        encodings,
        attentions,
    ):
        _, model, budget, optimiser, trainer = experiment.settings(choice.name)
        check_trainer(budget, trainer)
        body = _body(named)
        planned = Cell(
            encoding=encoding,
            attention=attention,
            body=body,
            task=choice,
            model=model.like_bert() if named == "bert" else model,
            budget=budget,
            optimiser=optimiser,
            trainer=trainer,
            seed=seed,
            self_attention=default if body == "encoder-decoder" else None,
            data=task.fingerprint() if task else "",
            facts=dict(task.facts()) if task else {},
        )
        reason = skip or (compatibility.reason(planned, task) if task else "")
        cells[planned.key] = planned.model_copy(update={"skip": reason})
        if task and trains_masked_language_model(task):
            models[planned.key] = trained_model(cells[planned.key])
    if readings and not models:
        raise UserError(
            f"The readings {', '.join(experiment.readings)} need a masked language model, and the tasks "
            f"{', '.join(experiment.tasks)} train none; add one that does to --tasks, for example bert."
        )
    return [*cells.values(), *plan_readings(readings, list(models.values()), registry, cache, announce)]


def _plugins(experiment: Experiment, registry: Registry) -> tuple[list[Choice], list[Choice], Choice]:
    """The encodings and the attentions of an experiment, and its default attention."""
    encodings: list[Choice] = []
    attentions: list[Choice] = []
    for selection in parse_all(experiment.plugins):
        if registry.encodings.has(selection.name):
            encodings.append(registry.select(registry.encodings, selection))
        elif registry.attentions.has(selection.name):
            attentions.append(registry.select(registry.attentions, selection))
        else:
            raise unknown(registry, selection.name)
    if not (encodings or attentions):
        raise UserError("No plugins are named: give --plugins, for example --plugins relative,absolute.")
    default_attention = registry.select(registry.attentions, Selection(experiment.attention, {}))
    # An encoding that the run does not need is not looked up: two plugins may have its name.
    encodings = encodings or [registry.select(registry.encodings, Selection(experiment.encoding, {}))]
    attentions = attentions or [default_attention]
    # Labels leave out the default attention.
    quiet = [
        choice.model_copy(update={"label": ""}) if choice == default_attention else choice
        for choice in attentions
    ]
    return encodings, quiet, default_attention


def unknown(registry: Registry, name: str) -> UserError:
    """What is said of an encoding or attention that there is not, or that could not be loaded."""
    try:
        registry.encodings.find(name)
    except UserError as error:
        if "could not be loaded" in str(error):
            return error
    names = (*registry.encodings.names, *registry.attentions.names)
    return UserError(f"--plugins: unknown encoding or attention {name!r}; {did_you_mean(name, names)}")


def _body(name: BodyName) -> Body:
    return "encoder" if name == "bert" else name


def _tasks(experiment: Experiment, registry: Registry) -> list[tuple[Choice, BodyName, str]]:
    names = {registry.tasks.find(name).name for name in experiment.task if registry.tasks.has(name)}
    if strangers := [name for name in experiment.task if name not in names]:
        raise UserError(f"[task.{strangers[0]}]: unknown task; {did_you_mean(strangers[0], registry.tasks)}")
    if not experiment.tasks:
        raise UserError("No tasks are named: give --tasks, for example --tasks copy.")
    _check_corpus(experiment, registry)
    selected: list[tuple[Choice, BodyName, str]] = []
    for selection in parse_all(experiment.tasks):
        cls = registry.tasks.find(selection.name)
        settings = experiment.settings(cls.name)[0]
        text = {CORPUS: experiment.corpus} if experiment.corpus and CORPUS in parameters(cls) else {}
        choice = registry.choose(cls, {**text, **settings.params, **selection.params})
        for body in experiment.bodies or settings.bodies or [cls.bodies[0]]:
            skip = "" if _body(body) in cls.bodies else f"{cls.name} is not defined for the body {body!r}"
            selected.append((choice, body, skip))
    return selected


def _check_corpus(experiment: Experiment, registry: Registry) -> None:
    """Refuse a corpus that no selected task reads."""
    readers = [name for name in registry.tasks if CORPUS in parameters(registry.tasks[name])]
    chosen = [registry.tasks.find(selection.name).name for selection in parse_all(experiment.tasks)]
    if experiment.corpus and not set(readers) & set(chosen):
        raise UserError(
            f"The corpus {experiment.corpus} is given, but none of the tasks {', '.join(sorted(chosen))} "
            f"reads one; add one that does to --tasks: {', '.join(readers)}."
        )


def _prepare(
    choice: Choice,
    body: BodyName,
    skip: str,
    registry: Registry,
    cache: Path,
    announce: Callable[[str], None],
) -> tuple[Choice, BodyName, str, Task | None]:
    if skip:
        return choice, body, skip, None
    announce(f"preparing {choice.label}")
    try:
        task = registry.task(choice, _body(body))
        with plugin_code():
            task.prepare(cache)
    except Incompatible as reason:
        return choice, body, str(reason), None
    except PluginExit as leaving:
        raise UserError(f"The task {choice.label} cannot be built: {leaving}.") from leaving
    except (UserError, OSError):
        raise
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")[:300]
        raise UserError(
            f"The task {choice.label[:200]} cannot be built: {problem}; `harness check {choice.name}` "
            "examines the task."
        ) from error
    return choice, body, "", task
