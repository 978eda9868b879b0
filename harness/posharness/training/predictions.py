"""The test of a trained model: one row for each scored prediction, at each length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.contracts.columns import DECODINGS, PREDICTIONS
from posharness.model import Model
from posharness.training.batches import evaluation_batch
from posharness.training.scoring import Scored, score

__all__ = ["predictions", "split_lengths"]


def split_lengths(model: Model, task: Task) -> tuple[list[int], list[int]]:
    """The task's evaluation lengths: those for which the encoding is defined, and the others."""
    defined = [length for length in task.evaluation_lengths if model.body.defined(task, length)]
    return defined, [length for length in task.evaluation_lengths if length not in defined]


def predictions(
    cell: Cell, model: Model, task: Task, *, tick: Callable[[int], None] = lambda _: None
) -> pd.DataFrame:
    """Test at every length for which the encoding is defined.

    Args:
        tick: called now and then with the number of sequences scored so far.

    Returns:
        The columns of `posharness.contracts.columns.PREDICTIONS`, beside the cell's identity.
    """
    frames = []
    for length in split_lengths(model, task)[0]:
        batch = evaluation_batch(cell, task, length)
        purpose = ("test", cell.seed, length)
        found = score(model, batch, len(task.objectives), purpose, fed_back=_fed_back(cell, task), tick=tick)
        for index, scored in enumerate(found):
            decoding, objective = divmod(index, len(task.objectives))
            frames.append(_frame(task, decoding, objective, length, batch, scored))
    return PREDICTIONS.checked(pd.concat(frames, ignore_index=True))


def _fed_back(cell: Cell, task: Task) -> bool:
    return task.autoregressive and cell.body != "encoder"


def _frame(
    task: Task, decoding: int, objective: int, length: int, batch: Batch, scored: Scored
) -> pd.DataFrame:
    # Every frame has the same categories, so that they are categories still after concatenation.
    count = len(scored.correct)
    place = (scored.sequence, scored.position)
    stratum = np.zeros(count, np.int64) if batch.stratum is None else batch.stratum[place].numpy() + 1
    chance = np.full(count, task.objectives[objective].chance, np.float32)
    if batch.chance is not None:
        chance = batch.chance[place].numpy().astype(np.float32)
    return pd.DataFrame(
        {
            "split": _category(np.zeros(count, np.int8), ["test"]),
            "objective": _category(np.full(count, objective, np.int8), [o.name for o in task.objectives]),
            "decoding": _category(np.full(count, decoding, np.int8), DECODINGS),
            "condition": _category(np.zeros(count, np.int8), [""]),
            "length": np.full(count, length, np.int32),
            "sequence": scored.sequence.numpy().astype(np.int32),
            "position": scored.position.numpy().astype(np.int32),
            "dependency_length": batch.dependency_length[place].numpy().astype(np.int32),
            "stratum": _category(stratum, ["", *task.strata]),
            "correct": scored.correct.numpy(),
            "log_prob": scored.log_prob.numpy(),
            "chance": chance,
            "blind": chance if batch.blind is None else batch.blind[place].numpy().astype(np.float32),
        }
    )


def _category(codes: NDArray[np.integer[Any]], names: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, pd.Index(names))
