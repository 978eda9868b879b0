"""The test of a trained model: one row for each scored prediction, at each length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from posharness.cell import Cell
from posharness.contracts import Batch, Task
from posharness.model import Model
from posharness.training.data import evaluation_batch
from posharness.training.evaluate import Scored, score

__all__ = ["predictions", "split_lengths"]


def split_lengths(model: Model, task: Task) -> tuple[list[int], list[int]]:
    """The task's evaluation lengths: those for which the encoding is defined, and the others."""
    limit = model.body.max_length
    defined = [length for length in task.evaluation_lengths if limit is None or length <= limit]
    return defined, [length for length in task.evaluation_lengths if length not in defined]


def predictions(
    cell: Cell, model: Model, task: Task, *, tick: Callable[[int], None] = lambda _: None
) -> pd.DataFrame:
    """Test at every length for which the encoding is defined.

    Args:
        tick: told how many sequences were scored, from time to time.

    Returns:
        Columns split, objective, length, sequence, position, dependency_length (-1 for none), stratum
        ("" for none), correct, log_prob, chance.
    """
    frames = []
    for length in split_lengths(model, task)[0]:
        batch = evaluation_batch(cell, task, length)
        found = score(model, batch, len(task.objectives), ("test", cell.seed, length), tick=tick)
        frames += [_frame(task, length, batch, index, scored) for index, scored in enumerate(found)]
    return pd.concat(frames, ignore_index=True)


def _frame(task: Task, length: int, batch: Batch, index: int, scored: Scored) -> pd.DataFrame:
    # Every frame has the same categories, so that they are categories still after concatenation.
    count = len(scored.correct)
    names = [objective.name for objective in task.objectives]
    place = (scored.sequence, scored.position)
    stratum = np.zeros(count, np.int64) if batch.stratum is None else batch.stratum[place].numpy() + 1
    return pd.DataFrame(
        {
            "split": _category(np.zeros(count, np.int8), ["test"]),
            "objective": _category(np.full(count, index, np.int8), names),
            "length": np.full(count, length, np.int32),
            "sequence": scored.sequence.numpy().astype(np.int32),
            "position": scored.position.numpy().astype(np.int32),
            "dependency_length": batch.dependency_length[place].numpy().astype(np.int32),
            "stratum": _category(stratum, ["", *task.strata]),
            "correct": scored.correct.numpy(),
            "log_prob": scored.log_prob.numpy(),
            "chance": np.full(count, task.objectives[index].chance, np.float32),
        }
    )


def _category(codes: NDArray[np.integer[Any]], names: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, pd.Index(names))
