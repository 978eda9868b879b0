"""Turns the answers of a reading into the predictions of its cell, as a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from posharness.contracts import Answers, Reading
from posharness.contracts.columns import PREDICTIONS, TEACHER_FORCED

__all__ = ["answered", "predictions"]


def answered(answers: Sequence[Answers], reading: Reading) -> list[str]:
    """The objectives that have an answer, in the order of the reading."""
    with_answers = {answer.objective for answer in answers if len(answer.correct)}
    return [name for name in reading.objectives if name in with_answers]


def predictions(answers: Sequence[Answers], reading: Reading) -> pd.DataFrame:
    """One row for each answer, with the columns of `PREDICTIONS`.

    Raises:
        ValueError: the reading breaks its contract: it gives no answer, an objective, condition or stratum
            that it does not declare, or tensors of different lengths.
    """
    frames = [_frame(answer, reading) for answer in answers]
    if not any(map(len, frames)):
        raise ValueError(f"The reading {reading.name} gave no answer.")
    return PREDICTIONS.checked(pd.concat(frames, ignore_index=True))


def _frame(answer: Answers, reading: Reading) -> pd.DataFrame:
    if answer.objective not in reading.objectives:
        raise ValueError(
            f"The reading {reading.name} gave the objective {answer.objective!r}, which it does not declare."
        )
    if answer.condition not in reading.conditions:
        raise ValueError(
            f"The reading {reading.name} gave the condition {answer.condition!r}, which it does not declare."
        )
    count = len(answer.correct)
    stratum = np.zeros(count, np.int64) if answer.stratum is None else answer.stratum.numpy() + 1
    # Every frame has the same categories, so that concatenation keeps them.
    return pd.DataFrame(
        {
            "split": _constant("test", ("test",), count),
            "objective": _constant(answer.objective, reading.objectives, count),
            "decoding": _constant(TEACHER_FORCED, (TEACHER_FORCED,), count),
            "condition": _constant(answer.condition, reading.conditions, count),
            "length": answer.length.numpy().astype(np.int32),
            "sequence": answer.sequence.numpy().astype(np.int32),
            "position": answer.position.numpy().astype(np.int32),
            "dependency_length": answer.dependency_length.numpy().astype(np.int32),
            "stratum": pd.Categorical.from_codes(stratum, pd.Index(["", *reading.strata])),
            "correct": answer.correct.numpy().astype(bool),
            "log_prob": answer.log_prob.numpy().astype(np.float32),
            "chance": np.full(count, answer.chance, np.float32),
            "blind": np.full(count, answer.chance, np.float32),
        }
    )


def _constant(value: str, values: tuple[str, ...], count: int) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(np.full(count, values.index(value), np.int8), pd.Index(values))
