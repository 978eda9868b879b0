"""Small frames as a store gives them, to check report sections and claims with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness.contracts.columns import (
    CELLS,
    CHANGES,
    CURVES,
    EXAMPLES,
    IDENTITY,
    INTERVENTIONS,
    MECHANISM,
    OUTCOMES,
    PREDICTIONS,
    TABLES,
    Table,
)

__all__ = ["FRAMES", "changed", "empty_frames", "sample_frames", "unfinished_frames"]

FRAMES = tuple(table.name for table in TABLES)
"""What of `Frames` is a frame."""

_DISTANCES = (1, 2, 4, 8)


def sample_frames() -> Frames:
    """Two encodings with two seeds each on one task, and one cell that failed."""
    rng = np.random.default_rng(5)
    cells = [_cell(label, seed) for label in ("near", "far") for seed in range(2)]
    failed = _cell("broken", 0) | {"status": "failed", "reason": "ValueError: no luck", "score": np.nan}
    predictions = [_predictions(cell, length, rng) for cell in cells for length in (16, 32)]
    return Frames(
        _dated(pd.DataFrame([*cells, failed])),
        _joined(PREDICTIONS, predictions),
        _joined(CURVES, [_curve(cell) for cell in cells]),
        _joined(MECHANISM, [_mechanism(cell) for cell in cells]),
        _joined(INTERVENTIONS, [_interventions(rows, rng) for rows in predictions]),
        _joined(EXAMPLES, [_examples(rows) for rows in predictions]),
    )


def unfinished_frames() -> Frames:
    """A store with nothing in it but a cell that was skipped."""
    full = sample_frames()
    skipped = _cell("broken", 0) | {"status": "skipped", "reason": "not defined for causal attention"}
    for name in ("parameters", "steps", "seconds", "step_ms", "step_wall_ms", "score"):
        skipped[name] = np.nan
    return Frames(_dated(pd.DataFrame([skipped])), *_no_rows(full))


def empty_frames() -> Frames:
    """A store without a cell."""
    full = sample_frames()
    return Frames(full.cells.head(0), *_no_rows(full))


def changed(one: Frames, other: Frames) -> str:
    """The name of the first frame in which they differ; "" for none."""
    for name in FRAMES:
        if not getattr(one, name).equals(getattr(other, name)):
            return name
    return ""


def _no_rows(full: Frames) -> list[pd.DataFrame]:
    return [getattr(full, name).head(0) for name in FRAMES if name != CELLS.name]


def _cell(label: str, seed: int) -> dict[str, Any]:
    return {
        "cell": f"{label}{seed}".encode().hex().ljust(64, "0"),
        "label": label,
        "encoding": label,
        "attention": "plain",
        "body": "decoder",
        "task": "recall",
        "seed": seed,
        "status": "done",
        "reason": "",
        "parameters": 1000.0,
        "encoding_parameters": 10.0,
        "family": "relative",
        "params": {},
        "steps": 40.0,
        "seconds": 2.0,
        "step_ms": 50.0,
        "step_wall_ms": 52.0,
        "train_length": 16.0,
        "max_length": np.nan,
        "distance": "dependency",
        "undefined_lengths": (),
        "objectives": ("recall",),
        "score": 0.75,
        "sizes": {},
        "facts": {},
        "torch": "2.13.0",
        "python": "3.11.7",
        "machine": "x86_64",
        "cpu": "a processor",
        "device": "cpu",
        "results_version": 1,
        "started": "2026-01-05T10:00:00Z",
        "settings": {"width": 8, "steps": 40},
        "stage": "",
        "tuned": {},
        "version": "0a1b2c3d",
        "task_version": "4e5f6071",
        "plugins": (
            {
                "kind": "encodings",
                "name": label,
                "file": f"{label}.py",
                "digest": "0a1b2c3d" * 8,
                "package": "posharness",
                "version": "0.2.0",
            },
        ),
        "pretrained": "",
    }


def _dated(cells: pd.DataFrame) -> pd.DataFrame:
    cells = cells.assign(started=pd.to_datetime(cells["started"], utc=True))
    return cells[CELLS.names].astype({"seed": "Int64", "results_version": "Int64"})


def _joined(table: Table, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """One frame, with words as categories."""
    frame = pd.concat(parts, ignore_index=True)[table.names]
    words = [column.name for column in table.own_columns if column.type == "category"]
    words += [column.name for column in IDENTITY if column.type == "text"]
    return frame.astype(dict.fromkeys(words, "category"))


def _predictions(cell: dict[str, Any], length: int, rng: np.random.Generator) -> pd.DataFrame:
    distance = np.repeat(_DISTANCES, 25).astype(np.int32)
    right = rng.random(len(distance)) < (0.9 if cell["label"] == "far" else 1 / distance)
    rows = pd.DataFrame(
        {
            "split": "test",
            "objective": "recall",
            "decoding": "teacher-forced",
            "condition": "",
            "length": np.int32(length),
            "sequence": np.arange(len(distance), dtype=np.int32) % 25,
            "position": (distance + 1).astype(np.int32),
            "dependency_length": distance,
            "stratum": "",
            "correct": right,
            "log_prob": np.where(right, -0.1, -3.0).astype(np.float32),
            "chance": np.float32(0.125),
            "blind": np.float32(0.125),
        }
    )
    return rows.assign(**{column.name: cell[column.name] for column in IDENTITY})


def _curve(cell: dict[str, Any]) -> pd.DataFrame:
    steps = np.arange(10, 41, 10)
    rows = pd.DataFrame(
        {
            "step": steps.astype(np.int32),
            "seconds": steps * 0.05,
            "objective": "recall",
            "train_loss": 3.0 / steps,
            "validation_loss": np.where(steps % 20, np.nan, 3.5 / steps),
            "validation_score": np.where(steps % 20, np.nan, steps / 50),
            "gradient_norm": 0.5,
            "learning_rate": 1e-3,
        }
    )
    return rows.assign(**{column.name: cell[column.name] for column in IDENTITY})


def _mechanism(cell: dict[str, Any]) -> pd.DataFrame:
    distance = np.tile(np.arange(-15, 1, dtype=np.int32), 2)
    rows = pd.DataFrame(
        {
            "stack": "decoder",
            "layer": np.int16(0),
            "head": np.repeat(np.arange(2, dtype=np.int16), 16),
            "distance": distance,
            "effect": (distance / 8).astype(np.float32) if cell["label"] == "near" else np.float32("nan"),
            "weight": np.exp(distance / 4).astype(np.float32),
        }
    )
    return rows.assign(**{column.name: cell[column.name] for column in IDENTITY})


def _interventions(predictions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Both changes of each prediction: right answers follow, wrong ones do as chance will."""
    any_outcome = rng.choice(OUTCOMES, len(predictions))
    outcome = np.where(predictions["correct"], OUTCOMES[0], any_outcome)
    rows = predictions.assign(outcome=outcome)
    return pd.concat([rows.assign(change=change) for change in CHANGES], ignore_index=True)


def _examples(predictions: pd.DataFrame) -> pd.DataFrame:
    """Some of the predictions with a text: one symbol before others, and the question about it."""
    rows = predictions.groupby("dependency_length").head(2)
    answers = np.where(rows["correct"], "a", "b")
    return rows.assign(
        tokens=[" ".join(["a", *["c"] * distance, "?"]) for distance in rows["dependency_length"]],
        memory="",
        sources=pd.Series([(0,)] * len(rows), rows.index, dtype=object),
        answer="a",
        prediction=answers,
        changed_answer="b",
        changed_prediction="b",
    )
