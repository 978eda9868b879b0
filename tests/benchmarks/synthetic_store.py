"""Writes stores that hold cells as if they had been trained, for timings of what reads a store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from posharness.contracts.cell import Cell, Choice
from posharness.contracts.columns import DECODINGS
from posharness.store import CellStatus, Store, layout
from posharness.store.checksums import write_checksums

__all__ = ["Size", "write_store"]

_LENGTHS = (64, 128)
_DISTANCES = (1, 2, 4, 8, 16, 32, 48, 60)
_LAYERS, _HEADS = 2, 4


@dataclass(frozen=True)
class Size:
    """The size of a store.

    Attributes:
        sequences: test sequences of each length, with eight predictions each.
    """

    labels: int
    tasks: int
    seeds: int
    sequences: int = 256

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.labels * self.tasks * self.seeds


def write_store(path: Path, size: Size) -> Store:
    """A new store of finished cells: each label reaches as far on every task."""
    store = Store.open(path, create=True)
    for label, seed in product(range(size.labels), range(size.seeds)):
        files = _tables(label / size.labels, size.sequences, np.random.default_rng([label, seed]))
        for task in range(size.tasks):
            cell = Cell(
                encoding=Choice(name=f"encoding{label}", digest=f"{label:064x}", label=f"encoding{label}"),
                attention=Choice(name="softmax", digest="a" * 64),
                body="encoder",
                task=Choice(name=f"task{task}", digest=f"{task:064x}", label=f"task{task}"),
                seed=seed,
            )
            folder = store.home(cell.key)
            folder.mkdir()
            _write_facts(folder, cell)
            for name, content in files.items():
                (folder / name).write_bytes(content)
            (folder / layout.WEIGHTS).touch()
            write_checksums(folder, cell.key)
    return store


def _write_facts(folder: Path, cell: Cell) -> None:
    start = "2026-01-05T10:00:00.000+00:00"
    status = CellStatus(status="done", started=start, finished=start, seconds=60.0)
    facts = {
        "parameters": 100_000,
        "encoding_parameters": 0,
        "family": "relative",
        "steps": cell.budget.steps,
        "seconds": 50.0,
        "step_ms": 50.0,
        "step_wall_ms": 50.0,
        "train_length": _LENGTHS[0],
        "max_length": None,
        "distance": "dependency",
        "undefined_lengths": [],
        "objectives": ["answer"],
        "strata": [],
        "score": 0.9,
    }
    (folder / layout.CELL).write_text(cell.model_dump_json())
    (folder / layout.STATUS).write_text(status.model_dump_json())
    (folder / layout.RESULT).write_text(json.dumps(facts))
    (folder / layout.ENVIRONMENT).write_text(json.dumps({"torch": "2", "python": "3", "machine": "x86_64"}))


def _tables(reach: float, sequences: int, rng: np.random.Generator) -> dict[str, bytes]:
    tables = {
        layout.PREDICTIONS: pd.concat([_predictions(n, reach, sequences, rng) for n in _LENGTHS]),
        layout.CURVE: _curve(reach),
        layout.MECHANISM: _mechanism(reach),
    }
    return {name: table.to_parquet(index=False) for name, table in tables.items()}


def _predictions(length: int, reach: float, sequences: int, rng: np.random.Generator) -> pd.DataFrame:
    distance = np.tile(np.array(_DISTANCES, np.int32), sequences)
    right = rng.random(len(distance)) < np.where(distance <= 64 * reach, 0.95, 0.3)
    return pd.DataFrame(
        {
            "split": "test",
            "objective": "answer",
            "decoding": DECODINGS[0],
            "condition": "",
            "length": np.int32(length),
            "sequence": np.repeat(np.arange(sequences, dtype=np.int32), len(_DISTANCES)),
            "position": distance + 1,
            "dependency_length": distance,
            "stratum": "",
            "correct": right,
            "log_prob": np.where(right, -0.1, -3.0).astype(np.float32),
            "chance": np.float32(0.125),
            "blind": np.float32(0.125),
        }
    ).astype(dict.fromkeys(("split", "objective", "decoding", "condition", "stratum"), "category"))


def _curve(reach: float) -> pd.DataFrame:
    steps = np.arange(10, 1001, 10)
    measured = steps % 100 == 0
    return pd.DataFrame(
        {
            "step": steps.astype(np.int32),
            "seconds": steps * 0.05,
            "objective": pd.Categorical(["answer"] * len(steps)),
            "train_loss": 3.0 * np.exp(-reach * steps / 300),
            "validation_loss": np.where(measured, 3.1 * np.exp(-reach * steps / 300), np.nan),
            "validation_score": np.where(measured, 1 - np.exp(-reach * steps / 300), np.nan),
            "gradient_norm": 0.5,
            "learning_rate": 1e-3,
        }
    )


def _mechanism(reach: float) -> pd.DataFrame:
    distances = np.arange(1 - _LENGTHS[0], _LENGTHS[0], dtype=np.int32)
    layer, head, distance = (
        part.ravel() for part in np.meshgrid(range(_LAYERS), range(_HEADS), distances, indexing="ij")
    )
    return pd.DataFrame(
        {
            "stack": pd.Categorical(["encoder"] * len(distance)),
            "layer": layer.astype(np.int16),
            "head": head.astype(np.int16),
            "distance": distance.astype(np.int32),
            "effect": (-np.abs(distance) * (head + 1) * reach).astype(np.float32),
            "weight": np.exp(-np.abs(distance) * (1.1 - reach) / (head + 1)).astype(np.float32),
        }
    )
