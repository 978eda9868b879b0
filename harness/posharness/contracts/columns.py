"""The schema of the frames: name, type and meaning of every column, for writers, readers and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CELLS",
    "CHANGES",
    "COSTS",
    "CURVES",
    "DECODINGS",
    "EXAMPLES",
    "FREE_RUNNING",
    "IDENTITY",
    "INTERVENTIONS",
    "MECHANISM",
    "OUTCOMES",
    "PREDICTIONS",
    "TABLES",
    "TEACHER_FORCED",
    "TUNING_STAGE",
    "TYPES",
    "Column",
    "Table",
    "Type",
    "columns_markdown",
    "qualified",
]

Type = Literal[
    "text",
    "category",
    "bool",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
    "time",
    "mapping",
    "mappings",
    "texts",
    "ints",
]

TYPES: dict[Type, str] = {
    "text": "str; missing where it is not known",
    "category": "str, as a pandas category",
    "bool": "bool",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64; in `cells` the nullable Int64, missing where it is not known",
    "float32": "float32",
    "float64": "float64; NaN where it is not known",
    "time": "datetime64 in UTC; missing where it is not known",
    "mapping": "dict",
    "mappings": "tuple of dict",
    "texts": "tuple of str",
    "ints": "tuple of int",
}
"""What a column of each type holds in a data frame."""

TEACHER_FORCED = "teacher-forced"
FREE_RUNNING = "free-running"
DECODINGS = (TEACHER_FORCED, FREE_RUNNING)
"""The values of the column `decoding`, in the order of reports."""


TUNING_STAGE = "tuning"
"""The value of the column `stage` for a run that tried settings."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame.

    Attributes:
        type: a key of `TYPES`.
        meaning: what a value means, with its unit.
    """

    name: str
    type: Type
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One of the frames.

    Attributes:
        name: the attribute of `Frames`.
        row: what one row is.
        own_columns: its columns besides those of `IDENTITY`, as in the file of a cell.
    """

    name: str
    row: str
    own_columns: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column of the frame, in order."""
        return (*IDENTITY, *self.own_columns)

    @property
    def names(self) -> list[str]:
        """The name of every column of the frame, in order."""
        return [column.name for column in self.columns]

    def checked(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of one cell, with the columns `own_columns` in their order.

        Raises:
            ValueError: a column is missing, or not one of `own_columns`.
        """
        names = [column.name for column in self.own_columns]
        wrong = [f"no column {name!r}" for name in names if name not in rows]
        for name in [column for column in rows if column not in names]:
            close = get_close_matches(str(name), names, n=1)
            wrong.append(f"unknown column {name!r}" + (f" (did you mean {close[0]!r}?)" if close else ""))
        if wrong:
            raise ValueError(f"These rows do not have the columns of {self.name}: {', '.join(wrong)}.")
        return rows[names]


IDENTITY = (
    Column("cell", "text", "key of the cell: SHA-256 of everything that can change its result"),
    Column("label", "text", "the encoding as it was selected, and the attention where it is not softmax"),
    Column("encoding", "text", "name of the encoding"),
    Column("attention", "text", "name of the attention"),
    Column("body", "text", "encoder, decoder, encoder-decoder, or bert (an encoder of BERT's shape)"),
    Column("task", "text", "the task, or the reading, with the parameters that differ from the defaults"),
    Column("seed", "int64", "seed of the run"),
)
"""The first columns of every frame. In frames other than `cells`, their texts are categories."""

CELLS = Table(
    "cells",
    "a cell, of any status",
    (
        Column("status", "text", "done, failed, diverged, timeout, crashed, interrupted, skipped or running"),
        Column("reason", "text", "the reason for the status, in one line; empty when done"),
        Column("parameters", "float64", "number of trainable parameters"),
        Column("encoding_parameters", "float64", "number of trainable parameters of the encoding"),
        Column(
            "family",
            "text",
            "the family of the encoding, which claims compare: relative, absolute or another; empty for none",
        ),
        Column("params", "mapping", "parameters of the encoding, defaults included"),
        Column("steps", "float64", "optimiser steps made; 0 for a reading"),
        Column("seconds", "float64", "time of training in seconds, without validation"),
        Column(
            "step_ms",
            "float64",
            "median time of a step in milliseconds: the processor time of its process on a CPU with one "
            "thread, else wall time",
        ),
        Column("step_wall_ms", "float64", "median wall time of a step in milliseconds"),
        Column("train_length", "float64", "tokens of a training sequence"),
        Column("max_length", "float64", "most tokens for which the encoding is defined; NaN for no limit"),
        Column("distance", "text", "what `dependency_length` counts: dependency or span"),
        Column("undefined_lengths", "ints", "evaluation lengths for which the encoding is not defined"),
        Column("objectives", "texts", "what is predicted, in the task's order; the first gives `score`"),
        Column("score", "float64", "best validation accuracy of the first objective, from 0 to 1"),
        Column(
            "sizes",
            "mapping",
            "how much a reading has read, by what, such as test sentences; empty for a training run",
        ),
        Column(
            "facts", "mapping", "what the task says of its prepared data, such as its share of real tokens"
        ),
        Column("torch", "text", "version of PyTorch"),
        Column("python", "text", "version of Python"),
        Column("machine", "text", "architecture of the processor"),
        Column("cpu", "text", "model of the processor"),
        Column("device", "text", "what trained it: cpu, or the model of a GPU"),
        Column("results_version", "int64", "version of the core's results, part of the key"),
        Column("started", "time", "when it started"),
        Column(
            "settings",
            "mapping",
            "the rest of the key, by name: model, budget, optimiser, the attention within stacks, digest of "
            "the data; cells that differ in it are never averaged",
        ),
        Column(
            "stage",
            "text",
            "tuning for a run that tried settings, with seeds of its own, and is not compared; else empty",
        ),
        Column(
            "tuned",
            "mapping",
            "the settings, by name, that the run tried, or that were chosen for its encoding and task; empty "
            "where nothing was tuned",
        ),
        Column("version", "text", "digest of the code of the cell's plugins; editing a plugin changes it"),
        Column(
            "task_version",
            "text",
            "digest of the code of the task or reading alone; cells that differ in it are never compared",
        ),
        Column(
            "plugins",
            "mappings",
            "the plugins that made it: kind, name, package, version, file and digest of each",
        ),
        Column(
            "pretrained",
            "text",
            "for a reading, the model: the `cell` that trained it, or the digest of an external model; empty "
            "for a training run",
        ),
    ),
)

PREDICTIONS = Table(
    "predictions",
    "a scored prediction of a done cell",
    (
        Column("split", "category", "the part of the data: test"),
        Column("objective", "category", "what is predicted: one of the cell's `objectives`"),
        Column(
            "decoding",
            "category",
            "teacher-forced: the inputs are those of the data, as always in an encoder; free-running: the "
            "decoder reads its own output",
        ),
        Column(
            "condition",
            "category",
            "how a reading changed the input, such as occluded; empty where it did not",
        ),
        Column("length", "int32", "tokens of the sequence"),
        Column("sequence", "int32", "index of the sequence among those of its length, from 0"),
        Column("position", "int32", "index of the token at which the prediction is made, from 0"),
        Column(
            "dependency_length",
            "int32",
            "tokens from the prediction to its farthest necessary token; -1 for none",
        ),
        Column("stratum", "category", "class of the prediction within its task; empty for none"),
        Column("correct", "bool", "whether the most probable answer is the right one"),
        Column("log_prob", "float32", "natural logarithm of the probability of the right answer"),
        Column("chance", "float32", "accuracy of the best prediction that ignores the input, from 0 to 1"),
        Column(
            "blind",
            "float32",
            "accuracy of the best prediction that knows everything but the farthest source, from 0 to 1; "
            "normalised accuracy counts from here",
        ),
    ),
)

CURVES = Table(
    "curves",
    "a logged step and objective of a cell that trained",
    (
        Column("step", "int32", "index of the optimiser step, from 1"),
        Column("seconds", "float64", "time of training until then in seconds, without validation"),
        Column("objective", "category", "what is predicted: one of the cell's `objectives`"),
        Column("train_loss", "float64", "mean cross-entropy in nats over the steps since the previous row"),
        Column(
            "validation_loss",
            "float64",
            "mean cross-entropy in nats on the validation set, teacher-forced; NaN where not measured",
        ),
        Column(
            "validation_score",
            "float64",
            "accuracy on the validation set, from 0 to 1; NaN where not measured",
        ),
        Column("gradient_norm", "float64", "norm of the step's gradient, before clipping"),
        Column("learning_rate", "float64", "learning rate of the step"),
    ),
)

MECHANISM = Table(
    "mechanism",
    "a layer, head and signed distance of a done cell",
    (
        Column("stack", "category", "encoder or decoder, in a body that has both; else empty"),
        Column("layer", "int16", "index of the layer in its stack, from 0"),
        Column("head", "int16", "index of the head in its layer, from 0"),
        Column("distance", "int32", "position of the key minus that of the query, in tokens"),
        Column(
            "effect",
            "float32",
            "mean change of the attention score by the encoding; NaN where it changes none",
        ),
        Column("weight", "float32", "mean attention weight; NaN where the attention has none"),
    ),
)

CHANGES: tuple[Literal["source", "others"], ...] = ("source", "others")
"""The values of the column `change`."""

OUTCOMES = ("followed", "kept", "broke")
"""The values of the column `outcome`."""

_SHARED = ("split", "objective", "decoding", "length", "sequence", "position", "dependency_length", "stratum")

INTERVENTIONS = Table(
    "interventions",
    "a prediction of a done cell in a sequence of the test of which some tokens were changed",
    (
        *(column for column in PREDICTIONS.own_columns if column.name in _SHARED),
        Column(
            "change",
            "category",
            "source: the farthest source was changed, and with it the right answer; others: tokens that are "
            "no source were changed, and the right answer stayed",
        ),
        Column(
            "outcome",
            "category",
            "followed: the answer is the one that is right after the change; kept: it is the wrong one that "
            "was given before the change; broke: it is another one",
        ),
    ),
)

EXAMPLES = Table(
    "examples",
    "a prediction of a done cell, picked from a test, as text",
    (
        *(column for column in PREDICTIONS.own_columns if column.name in _SHARED),
        Column(
            "tokens",
            "text",
            "the tokens of the sequence in the data, between spaces; a free-running decoder reads its own",
        ),
        Column("memory", "text", "the tokens of the encoder, in a body that has both; else empty"),
        Column(
            "sources",
            "ints",
            "indices of the tokens that are together necessary and sufficient for the answer, in `memory` if "
            "there is one; empty where they are not known",
        ),
        Column("answer", "text", "the right answer"),
        Column("prediction", "text", "the most probable answer"),
        Column(
            "changed_answer",
            "text",
            "the right answer after the farthest source was changed; empty where it was not",
        ),
        Column("changed_prediction", "text", "the most probable answer after that change; empty likewise"),
    ),
)

COSTS = Table(
    "costs",
    "an encoding or attention at a length that `harness cost` measured; it begins with no cell",
    (
        Column("plugin", "text", "the encoding or attention as it was selected"),
        Column("length", "int64", "tokens of a sequence"),
        Column("batch", "int64", "sequences in a step"),
        Column("seconds", "float64", "median processor time of a training step; NaN where it was stopped"),
        Column("fastest", "float64", "the fastest step, in seconds"),
        Column("slowest", "float64", "the slowest step, in seconds"),
        Column("mebibytes", "float64", "peak of memory in a step, above what the process held before"),
        Column("stopped", "text", "why there is no measurement; empty where there is one"),
    ),
)

TABLES = (CELLS, PREDICTIONS, CURVES, MECHANISM, INTERVENTIONS, EXAMPLES)
"""Every frame about cells, in the order of the attributes of `Frames`."""


def qualified(objective: str, *, decoding: str = TEACHER_FORCED, condition: str = "") -> str:
    """An objective with decoding and condition, for tables without these columns: "copy (free-running)"."""
    qualifiers = [condition] if condition else []
    qualifiers += [decoding] if decoding != TEACHER_FORCED else []
    return f"{objective} ({', '.join(qualifiers)})" if qualifiers else objective


def columns_markdown() -> str:
    """The columns of every frame as Markdown tables, each under a heading."""
    parts = [_section("Every frame about cells begins with", IDENTITY)]
    parts += [
        _section(f"`{table.name}`: one row is {table.row}", table.own_columns) for table in (*TABLES, COSTS)
    ]
    return "\n\n".join(parts) + "\n"


def _section(heading: str, columns: tuple[Column, ...]) -> str:
    rows = [f"| `{column.name}` | {TYPES[column.type]} | {column.meaning} |" for column in columns]
    return "\n".join([f"## {heading}", "", "| column | type | meaning |", "|---|---|---|", *rows])
