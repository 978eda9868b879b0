"""A cell: one training run, or one reading of a pretrained model; and its key."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from posharness.contracts.plugin import Body

__all__ = [
    "CORPUS",
    "RESULTS_VERSION",
    "BodyName",
    "Budget",
    "Cell",
    "Choice",
    "ModelSettings",
    "OptimiserSettings",
    "TrainerSettings",
]

CORPUS = "corpus"
"""The parameter that holds the path of the text, in readings and in tasks that read a text."""

BodyName = Literal["encoder", "decoder", "encoder-decoder", "bert"]
"""A body as the user selects it: by its name, or "bert" for an encoder of BERT's shape."""

RESULTS_VERSION = 3
"""Raised whenever the core changes what a cell's result is; part of every key."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Choice(_Settings):
    """A plugin with its parameters.

    Attributes:
        name: the plugin's name (never an alias).
        params: every parameter of its constructor, defaults included; the value of a parameter that
            is itself an encoding is a nested `Choice`.
        digest: of the plugin's code, and of the code that it imports; "" where it is not known.
        label: its name in reports, with the parameters that differ from the defaults; "" where reports
            leave it out.
    """

    name: str
    params: dict[str, Any] = {}
    digest: str = ""
    label: str = ""

    @field_validator("params")
    @classmethod
    def _nested(cls, params: dict[str, Any]) -> dict[str, Any]:
        # In JSON, a nested choice is a plain object.
        return {k: Choice.model_validate(v) if isinstance(v, dict) else v for k, v in params.items()}

    @property
    def nested(self) -> tuple[Choice, ...]:
        """The choices among its parameters, and among theirs."""
        direct = [value for value in self.params.values() if isinstance(value, Choice)]
        return tuple(choice for value in direct for choice in (value, *value.nested))

    def identity(self) -> dict[str, Any]:
        """Everything in this choice that can change a result: all but the label."""
        params = {k: v.identity() if isinstance(v, Choice) else v for k, v in self.params.items()}
        return {"name": self.name, "params": params, "digest": self.digest}


class ModelSettings(_Settings):
    """The size and shape of a body.

    Attributes:
        width: width of the hidden states; a multiple of `heads`.
        layers: number of layers in each stack.
        heads: number of attention heads in each layer.
        feedforward: inner width of the feed-forward block, as a multiple of `width`.
        norm: LayerNorm before each sub-layer (with one at the end) or after it (1706.03762).
        dropout: dropout rate in training, of the embeddings and after each sub-layer.
        scale_embedding: token embeddings start at variance 1/width and are multiplied by √width
            (1706.03762, section 3.4). If False, they and every linear map start at standard deviation
            0.02 (1810.04805).
        chunk: number of queries that causal attention computes at a time, each time with the keys up to the
            last of them; 0 for all queries with all keys. "auto": on a CPU, by the number of tokens. It
            changes results by rounding only.
    """

    width: int = Field(64, ge=1)
    layers: int = Field(2, ge=1)
    heads: int = Field(4, ge=1)
    feedforward: int = Field(4, ge=1)
    norm: Literal["pre", "post"] = "pre"
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    scale_embedding: bool = True
    chunk: int | Literal["auto"] = "auto"

    @field_validator("chunk", mode="before")
    @classmethod
    def _number_or_auto(cls, chunk: Any) -> Any:
        if chunk != "auto" and (type(chunk) is not int or chunk < 0):
            raise ValueError('should be "auto", or a number of queries of 0 or more')
        return chunk

    def like_bert(self) -> ModelSettings:
        """The same size in BERT's shape (1810.04805)."""
        return self.model_copy(update={"norm": "post", "scale_embedding": False})


class Budget(_Settings):
    """How long a cell trains, and on how many sequences it is validated and tested.

    Attributes:
        steps: optimiser steps, unless `patience` or `solved` ends the training earlier.
        batch: number of sequences in each step.
        test_sequences: number of test sequences of each evaluation length.
        intervention_sequences: number of these, from the first, that are tested with changed tokens as well.
        validation_sequences: number of sequences in each validation.
        validate_every: steps between validations.
        patience: training stops after this many validations without a better score; 0 for never.
        solved: training stops once the accuracy of every objective was at least this in two validations in a
            row; 0 for never. Reports name the cells that stopped, and compare them at equal steps.
    """

    steps: int = Field(1000, ge=1)
    batch: int = Field(32, ge=1)
    test_sequences: int = Field(256, ge=1)
    intervention_sequences: int = Field(128, ge=1)
    validation_sequences: int = Field(64, ge=1)
    validate_every: int = Field(100, ge=1)
    patience: int = Field(0, ge=0)
    solved: float = Field(0.0, ge=0.0, le=1.0)


class OptimiserSettings(_Settings):
    """AdamW, with a linear warm-up and a decay of the learning rate.

    Attributes:
        lr: the highest learning rate, reached at the end of the warm-up.
        schedule: how the learning rate falls to zero after the warm-up; "constant" keeps it.
        warmup: fraction of the steps over which the learning rate rises from zero.
        weight_decay: AdamW's weight decay.
        beta1: decay rate of the running mean of the gradient.
        beta2: decay rate of the running mean of its square.
        clip: largest norm of the gradient; 0 for no clipping.
    """

    lr: float = Field(1e-3, gt=0.0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.1, ge=0.0, lt=1.0)
    weight_decay: float = Field(0.01, ge=0.0)
    beta1: float = Field(0.9, ge=0.0, lt=1.0)
    beta2: float = Field(0.98, ge=0.0, lt=1.0)
    clip: float = Field(1.0, ge=0.0)


class TrainerSettings(_Settings):
    """How the machine computes a training.

    `identity` is the part that changes results, if only by rounding; only that is in a cell's key.

    Attributes:
        precision: of the numbers in training: "32-true" for float32, "bf16-mixed" for matrix products in
            bfloat16 with weights in float32. Validation, tests and readings are in float32.
        threads: number of threads that compute one cell on a CPU; sums depend on it.
        accelerator: what trains: "auto" is a GPU where there is one.
        devices: number of devices of each machine that train one cell together, each with a process of its
            own and a part of every batch. On a CPU it is the number of processes.
        num_nodes: number of machines that train one cell together; above 1 only where the executor gives a
            cell several.
        strategy: what the devices share: "ddp" keeps the whole model on each, "fsdp" divides weights,
            gradients and the optimiser's state among them.
        accumulate: number of parts of a batch that are computed one after the other before each step; a
            larger one needs less memory.
        compile: whether torch compiles the model.
        checkpoint_every: seconds between two checkpoints of a training.
        data_workers: number of processes that sample batches ahead of the training; 0 for none.
        logger: where each number of the learning curve goes while it grows, beside the store; "" for nowhere.
    """

    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: int = Field(1, ge=1)
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int = Field(1, ge=1)
    num_nodes: int = Field(1, ge=1)
    strategy: Literal["ddp", "fsdp"] = "ddp"
    accumulate: int = Field(1, ge=1)
    compile: bool = False
    checkpoint_every: float = Field(180.0, gt=0.0)
    data_workers: int = Field(0, ge=0)
    logger: Literal["", "csv", "tensorboard", "wandb", "mlflow"] = ""

    @property
    def processes(self) -> int:
        """The number of processes that train one cell together."""
        return self.devices * self.num_nodes

    def identity(self) -> dict[str, Any]:
        """What changes results. Settings that came later are left out where they change nothing."""
        return {
            "precision": self.precision,
            "threads": self.threads,
            **({"devices": self.devices} if self.devices > 1 else {}),
            **({"num_nodes": self.num_nodes} if self.num_nodes > 1 else {}),
            **({"strategy": self.strategy} if self.processes > 1 and self.strategy != "ddp" else {}),
            **({"accumulate": self.accumulate} if self.accumulate > 1 else {}),
            **({"compile": True} if self.compile else {}),
        }


class Cell(_Settings):
    """One training run: encoding ∘ attention ∘ body ∘ task, a budget, an optimiser and a seed.

    A cell can also be one reading of a pretrained model. Then `task` is the reading, and the other fields
    equal those of the cell that trained the model. For an external model, which no cell trained, `encoding`
    has the model's name.

    Attributes:
        self_attention: the attention inside each stack of an encoder-decoder, whose `attention` is the
            cross-attention; None for the other bodies, which have only one attention.
        data: fingerprint of the task's external data; "" for a task without any.
        pretrained: the model that a reading evaluates: the key of the cell that trained it, or the digest of
            an external model; "" for a training run.
        where: the folder or the Hub id of an external model. Not part of the key.
        facts: what the task says of its prepared data (`Task.facts`). Not part of the key.
        results_version: `RESULTS_VERSION` of the core that planned the cell.
        skip: why the parts cannot work together; "" when they can. Not part of the key.
    """

    encoding: Choice
    attention: Choice
    body: Body
    task: Choice
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    optimiser: OptimiserSettings = OptimiserSettings()
    trainer: TrainerSettings = TrainerSettings()
    seed: int = Field(0, ge=0)
    self_attention: Choice | None = None
    data: str = ""
    pretrained: str = ""
    where: str = ""
    facts: dict[str, int | float | str] = {}
    results_version: int = RESULTS_VERSION
    skip: str = ""

    def identity(self) -> dict[str, Any]:
        """Everything that can change the result, and nothing else."""
        if self.pretrained:
            return self._reading_identity()
        within = {"self_attention": self.self_attention.identity()} if self.self_attention else {}
        return within | {
            "encoding": self.encoding.identity(),
            "attention": self.attention.identity(),
            "body": self.body,
            "task": self._task_identity(),
            "model": self.model.model_dump(),
            "budget": self.budget.model_dump(),
            "optimiser": self.optimiser.model_dump(),
            "trainer": self.trainer.identity(),
            "seed": self.seed,
            "data": self.data,
            "results_version": self.results_version,
        }

    def _reading_identity(self) -> dict[str, Any]:
        # The identity of the model includes everything that made it.
        return {
            "pretrained": self.pretrained,
            "task": self._task_identity(),
            "seed": self.seed,
            "data": self.data,
            "results_version": self.results_version,
        }

    def _task_identity(self) -> dict[str, Any]:
        # The fingerprint of the data replaces their path: a file that was moved is the same text.
        task = self.task.identity()
        params = {name: value for name, value in task["params"].items() if name != CORPUS or not self.data}
        return task | {"params": params}

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of `identity`."""
        canonical = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def body_name(self) -> BodyName:
        """The body as the user selects it: "bert" for an encoder of BERT's shape."""
        if self.body == "encoder" and self.model == self.model.like_bert():
            return "bert"
        return self.body

    @property
    def settings(self) -> dict[str, Any]:
        """Model, budget, optimiser and so on, by name: cells that differ in one are not averaged.

        A reading has only the settings of its own, since it compares models however they were trained.
        """
        settings: dict[str, Any] = {}
        if not self.pretrained:
            for part in (self.model, self.budget, self.optimiser):
                settings |= part.model_dump()
            settings |= self.trainer.identity()
        if self.self_attention and not self.pretrained:
            settings["self_attention"] = self.self_attention.label or self.self_attention.name
        if self.data:
            settings["data"] = hashlib.sha256(self.data.encode()).hexdigest()[:8]
        return settings

    @property
    def version(self) -> str:
        """A digest of the code of the cell's plugins: editing a plugin gives a new version.

        For a reading it covers the reading alone, not the plugins of the model.
        """
        within = (self.self_attention,) if self.self_attention else ()
        parts = (self.task,) if self.pretrained else (self.encoding, self.attention, self.task, *within)
        digests = [choice.digest for part in parts for choice in (part, *part.nested)]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:8]

    @property
    def task_version(self) -> str:
        """A digest of the code of the task or reading: cells that differ in it are not compared."""
        return self.task.digest[:8]

    @property
    def label(self) -> str:
        """The names in reports of the encoding and, unless it is the default one, of the attention."""
        return " · ".join(filter(None, (self.encoding.label, self.attention.label)))

    def __str__(self) -> str:
        return f"{self.label} on {self.task.label}, {self.body_name}, seed {self.seed}"
