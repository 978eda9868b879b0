"""The results of small cells, to notice when the core changes what a cell's result is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from posharness.contracts.cell import RESULTS_VERSION, Budget, Cell, ModelSettings, OptimiserSettings
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.run import train_cell

GOLDEN = Path(__file__).parent / "golden" / "cells.json"
BUDGET = Budget(steps=20, batch=8, test_sequences=16, validation_sequences=8, validate_every=10, patience=0)


def cells(registry: Registry) -> dict[str, Cell]:
    """One of each body; without dropout, whose draws depend on the machine's libraries."""
    softmax = registry.select(registry.attentions, Selection("softmax", {}))
    recall = {"length": "23", "symbols": "5", "offsets": ["1", "3"], "evaluation_lengths": ["23", "31"]}
    clauses = {"length": "17", "words": "2", "evaluation_lengths": ["17", "23"]}
    copy = {"length": "19", "payload": "4", "symbols": "5", "evaluation_lengths": ["19", "29"]}
    return {
        "relative encoder": Cell(
            encoding=registry.select(registry.encodings, Selection("relative", {})),
            attention=softmax,
            body="encoder",
            task=registry.choose(registry.tasks.find("offset_recall"), recall),
            model=ModelSettings(width=24, heads=3),
            budget=BUDGET,
            optimiser=OptimiserSettings(lr=1e-2),
            seed=1,
        ),
        "absolute decoder": Cell(
            encoding=registry.select(registry.encodings, Selection("absolute", {})),
            attention=softmax,
            body="decoder",
            task=registry.choose(registry.tasks.find("copy"), copy),
            model=ModelSettings(width=24, heads=3, norm="post", scale_embedding=False),
            budget=BUDGET,
            optimiser=OptimiserSettings(lr=5e-3, schedule="linear", clip=0.5),
            seed=2,
        ),
        "absolute encoder-decoder": Cell(
            encoding=registry.select(registry.encodings, Selection("absolute", {})),
            attention=registry.select(registry.attentions, Selection("additive", {})),
            self_attention=softmax,
            body="encoder-decoder",
            task=registry.choose(registry.tasks.find("translate"), clauses),
            model=ModelSettings(width=24, heads=3),
            budget=BUDGET,
            optimiser=OptimiserSettings(lr=5e-3),
            seed=3,
        ),
    }


def figures(cell: Cell, registry: Registry, folder: Path) -> dict[str, Any]:
    train_cell(cell, registry, folder, cache=folder, observe=lambda _: None)
    curve = pd.read_parquet(folder / "curve.parquet")
    frame = pd.read_parquet(folder / "predictions.parquet")
    # Free-running, a tie of two classes that falls otherwise on another machine changes all that follows.
    frame = frame[frame.decoding == "teacher-forced"]
    return {
        "parameters": json.loads((folder / "result.json").read_text())["parameters"],
        "train_loss": curve.train_loss.iloc[[0, 9, -1]].tolist(),
        "gradient_norm": curve.gradient_norm.iloc[[0, 9, -1]].tolist(),
        "validation_loss": curve.validation_loss.dropna().tolist(),
        "log_prob": frame.astype({"log_prob": float}).groupby("length").log_prob.mean().tolist(),
    }


def test_small_cells_still_have_the_results_of_this_results_version(tmp_path: Path) -> None:
    registry = Registry.load()
    found: dict[str, Any] = {"results_version": RESULTS_VERSION, "cells": {}}
    for name, cell in cells(registry).items():
        (tmp_path / name).mkdir()
        found["cells"][name] = figures(cell, registry, tmp_path / name)
    kept = json.loads(GOLDEN.read_text())
    same = (kept["results_version"], kept["cells"].keys()) == (
        RESULTS_VERSION,
        found["cells"].keys(),
    ) and all(
        expected == pytest.approx(found["cells"][name][figure], rel=1e-4, abs=1e-4)
        for name, golden in kept["cells"].items()
        for figure, expected in golden.items()
    )
    assert same, (
        "The results of cells have changed. If that was meant, raise RESULTS_VERSION in posharness/cell.py, "
        f"so that stored cells are trained again, and put this into {GOLDEN}:\n{json.dumps(found, indent=2)}"
    )
