"""Examples of the test: a few predictions of each length and objective, as text."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.seeds import generator
from posharness.training.interventions import Changed
from posharness.training.predictions import shared_columns
from posharness.training.scoring import Scored

__all__ = ["EXAMPLES_OF_A_TEST", "examples"]

EXAMPLES_OF_A_TEST = 32
"""The number of examples of each length, objective and decoding."""


def examples(
    cell: Cell, task: Task, length: int, batch: Batch, answers: Sequence[Scored], tests: Sequence[Changed]
) -> list[pd.DataFrame]:
    """Pick predictions of one length, spread over the dependency lengths.

    Where the task can change the source, they are among the predictions that this was done to. Both decodings
    show the same predictions.

    Args:
        batch: the test sequences.
        answers: to them, as `score` gave them.
        tests: as `intervened` gave them.

    Returns:
        Frames with the columns of `posharness.contracts.columns.EXAMPLES`, one for each item of `answers`.
    """
    changed = next((test for test in tests if test.what == "source"), None)
    frames = []
    for index, found in enumerate(answers):
        before = changed.before[index] if changed else found
        objective = index % len(task.objectives)
        random = generator("examples", cell.task.name, cell.seed, length, objective)
        picked = _spread(batch.dependency_length[before.sequence, before.position], random)
        shown = before.of(picked)
        rows = shared_columns(task, index, length, batch, shown)
        places = list(zip(shown.sequence.tolist(), shown.position.tolist(), strict=True))
        targets = batch.targets[shown.sequence, shown.position]
        rows = rows.assign(
            tokens=[_text(task, batch, sequence) for sequence, _ in places],
            memory=[_memory(task, batch, sequence) for sequence, _ in places],
            sources=pd.Series([_sources(batch, *place) for place in places], rows.index, dtype=object),
            answer=_answers(task, objective, targets),
            prediction=_answers(task, objective, shown.answer),
            changed_answer="",
            changed_prediction="",
        )
        if changed:
            after = changed.after[index].of(picked)
            targets = changed.batch.targets[after.sequence, after.position]
            rows = rows.assign(
                changed_answer=_answers(task, objective, targets),
                changed_prediction=_answers(task, objective, after.answer),
            )
        frames.append(rows)
    return frames


def _spread(distance: Int[Tensor, " m"], random: torch.Generator) -> Bool[Tensor, " m"]:
    """Which predictions are picked: as many of each power of two of the distance, as far as there are."""
    order = torch.randperm(len(distance), generator=random)
    frame = pd.DataFrame({"index": order.numpy(), "distance": distance[order].numpy()})
    frame["power"] = [int(value + 1).bit_length() for value in frame["distance"]]
    frame["turn"] = frame.groupby("power").cumcount()
    first = frame.sort_values(["turn", "power"], kind="stable").head(EXAMPLES_OF_A_TEST)
    picked = torch.zeros(len(distance), dtype=torch.bool)
    picked[first["index"].tolist()] = True
    return picked


def _answers(task: Task, objective: int, classes: Int[Tensor, " e"]) -> list[str]:
    names = task.objectives[objective].class_names or task.token_names
    return [names[index] if names else str(index) for index in classes.tolist()]


def _text(task: Task, batch: Batch, row: int) -> str:
    words = [_name(task.token_names, token) for token in _kept(batch.tokens[row], batch.padding, row)]
    if batch.segments is not None and task.segment_names:
        marks = [_name(task.segment_names, segment) for segment in batch.segments[row].tolist()]
        words = [f"{word}/{mark}" for word, mark in zip(words, marks, strict=False)]
    return " ".join(words)


def _memory(task: Task, batch: Batch, row: int) -> str:
    if batch.memory is None:
        return ""
    tokens = _kept(batch.memory[row], batch.memory_padding, row)
    return " ".join(_name(task.token_names, token) for token in tokens)


def _kept(tokens: Int[Tensor, " n"], padding: Tensor | None, row: int) -> list[int]:
    kept: list[int] = (tokens if padding is None else tokens[~padding[row]]).tolist()
    return kept


def _sources(batch: Batch, row: int, position: int) -> list[int]:
    if batch.source is None:
        return []
    found = batch.source[row, position]
    return sorted(set(found[found >= 0].tolist()))


def _name(names: Sequence[str], index: int) -> str:
    """A name in which no space is, since spaces separate tokens."""
    return "␣".join(names[index].split()) or "␣" if names else str(index)
