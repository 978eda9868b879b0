"""Scored predictions as rows of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from posharness.contracts import Batch, Task
from posharness.contracts.columns import DECODINGS
from posharness.training.scoring import Scored

__all__ = ["category", "predictions", "shared_columns"]


def predictions(task: Task, index: int, length: int, batch: Batch, scored: Scored) -> pd.DataFrame:
    """The predictions with the columns of `posharness.contracts.columns.PREDICTIONS`, unordered.

    Args:
        index: of `scored` in what `score` returns: teacher-forced objectives first, then free-running ones.
    """
    count = len(scored.correct)
    place = (scored.sequence, scored.position)
    objective = task.objectives[index % len(task.objectives)]
    chance = np.full(count, objective.chance, np.float32)
    if batch.chance is not None:
        chance = batch.chance[place].numpy().astype(np.float32)
    return shared_columns(task, index, length, batch, scored).assign(
        condition=category(np.zeros(count, np.int8), [""]),
        correct=scored.correct.numpy(),
        log_prob=scored.log_prob.numpy(),
        chance=chance,
        blind=chance if batch.blind is None else batch.blind[place].numpy().astype(np.float32),
    )


def shared_columns(task: Task, index: int, length: int, batch: Batch, scored: Scored) -> pd.DataFrame:
    """What predictions and interventions both say of a prediction: what was predicted, how, and where."""
    # Every frame has the same categories, so that they are categories still after concatenation.
    count = len(scored.correct)
    place = (scored.sequence, scored.position)
    decoding, objective = divmod(index, len(task.objectives))
    stratum = np.zeros(count, np.int64) if batch.stratum is None else batch.stratum[place].numpy() + 1
    return pd.DataFrame(
        {
            "split": category(np.zeros(count, np.int8), ["test"]),
            "objective": category(np.full(count, objective, np.int8), [o.name for o in task.objectives]),
            "decoding": category(np.full(count, decoding, np.int8), DECODINGS),
            "length": np.full(count, length, np.int32),
            "sequence": scored.sequence.numpy().astype(np.int32),
            "position": scored.position.numpy().astype(np.int32),
            "dependency_length": batch.dependency_length[place].numpy().astype(np.int32),
            "stratum": category(stratum, ["", *task.strata]),
        }
    )


def category(codes: NDArray[np.integer[Any]], names: Sequence[str]) -> pd.Categorical[str]:
    """A column of names, given by their indices."""
    return pd.Categorical.from_codes(codes, pd.Index(names))
