"""An experiment: plugins, tasks, sizes, budget and seeds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from posharness.contracts.cell import BodyName, Budget, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.defaults import DEFAULT_COMPILER, DEFAULT_EXECUTOR

__all__ = ["Experiment", "ReadingSettings", "TaskSettings"]


_MOST_SEEDS = 10_000


class TaskSettings(BaseModel):
    """The settings of one task. Those left out keep the experiment's value.

    Attributes:
        params: parameters of the task's constructor, by name.
        bodies: bodies that this task is trained with.
        model: as `[model]`, `size` included.
        budget: as `[budget]`.
        optimiser: as `[optimiser]`.
        trainer: as `[trainer]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    params: dict[str, Any] = {}
    bodies: list[BodyName] = []
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    optimiser: OptimiserSettings = OptimiserSettings()
    trainer: TrainerSettings = TrainerSettings()


class ReadingSettings(BaseModel):
    """The settings of one reading of pretrained models.

    Attributes:
        params: parameters of the reading's constructor, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    params: dict[str, Any] = {}


class Experiment(BaseModel):
    """A whole experiment.

    Attributes:
        title: title of the report; by default its encodings and tasks.
        plugins: encodings and attentions to compare, written as for `--plugins`.
        tasks: tasks to train on, written as for `--tasks`.
        bodies: bodies that every task is trained with; empty for each task's first one.
        seeds: the number of seeds (0, 1, …), or a list of seeds.
        encoding: the encoding of a run that selects attentions only.
        attention: the attention of a run that selects encodings only; labels leave it out.
        model: settings of the body.
        budget: length of training and tests.
        optimiser: settings of the optimiser.
        trainer: how the machine computes a training.
        task: settings by task, laid over the general ones.
        corpus: the text that tasks train on, unless their own parameters name another.
        readings: readings of the trained masked language models, written like tasks; "all" for every one.
        treebank: the text that readings read, unless their own parameters name another.
        reading: settings by reading.
        executor: what runs the cells: a name, with parameters in brackets.
        compiler: what writes the report: a name, with parameters in brackets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = ""
    plugins: list[str] = []
    tasks: list[str] = []
    bodies: list[BodyName] = []
    seeds: int | list[int] = Field(2)
    encoding: str = "absolute"
    attention: str = "softmax"
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    optimiser: OptimiserSettings = OptimiserSettings()
    trainer: TrainerSettings = TrainerSettings()
    task: dict[str, TaskSettings] = {}
    corpus: str = ""
    readings: list[str] = []
    treebank: str = ""
    reading: dict[str, ReadingSettings] = {}
    executor: str = DEFAULT_EXECUTOR
    compiler: str = DEFAULT_COMPILER

    @field_validator("seeds")
    @classmethod
    def _some_seed(cls, seeds: int | list[int]) -> int | list[int]:
        if seeds in (0, []) or min([seeds] if isinstance(seeds, int) else seeds) < 0:
            raise ValueError("should be at least one seed, none below 0")
        if isinstance(seeds, int) and seeds > _MOST_SEEDS:
            raise ValueError(
                f"should be at most {_MOST_SEEDS}; a seed of its own is given as a list, [{seeds}]"
            )
        return seeds

    @property
    def seed_list(self) -> list[int]:
        """The seeds, in order, each once."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(dict.fromkeys(self.seeds))

    def settings(
        self, task: str
    ) -> tuple[TaskSettings, ModelSettings, Budget, OptimiserSettings, TrainerSettings]:
        """The settings of a task: its own ones override the general ones."""
        own = self.task.get(task, TaskSettings())
        return (
            own,
            self.model.model_copy(update=own.model.model_dump(exclude_unset=True)),
            self.budget.model_copy(update=own.budget.model_dump(exclude_unset=True)),
            self.optimiser.model_copy(update=own.optimiser.model_dump(exclude_unset=True)),
            self.trainer.model_copy(update=own.trainer.model_dump(exclude_unset=True)),
        )
