"""BERT base trains on two processes as on one, with the whole model on each (DDP) or half of it (FSDP)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from posharness.contracts.cell import Budget, Cell, ModelSettings, TrainerSettings
from posharness.defaults import cache_root
from posharness.experiment.sizes import SIZES
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.run import train_cell

pytestmark = pytest.mark.cluster


def train(folder: Path, trainer: TrainerSettings) -> pd.DataFrame:
    """The learning curve of two steps."""
    folder.mkdir()
    registry = Registry.load()
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection("learned", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.choose(registry.tasks.find("bert"), {"length": "32", "evaluation_lengths": ["32"]}),
        model=ModelSettings(**SIZES["base"]).like_bert(),
        budget=Budget(steps=2, batch=4, test_sequences=2, intervention_sequences=2, validation_sequences=2),
        trainer=trainer,
    )
    ended = train_cell(cell, registry, folder, cache=cache_root().absolute(), observe=lambda _: None)
    assert ended.status == "done", ended
    return pd.read_parquet(folder / "curve.parquet")


def test_two_steps_of_bert_base(tmp_path: Path) -> None:
    alone = train(tmp_path / "alone", TrainerSettings())
    for strategy in ("ddp", "fsdp"):
        trainer = TrainerSettings.model_validate({"devices": 2, "strategy": strategy})
        curve = train(tmp_path / strategy, trainer)
        assert list(curve["step"]) == list(alone["step"])
        for name in ("train_loss", "gradient_norm", "validation_loss"):
            assert curve[name].tolist() == pytest.approx(alone[name].tolist(), rel=1e-4, nan_ok=True)
