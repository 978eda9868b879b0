"""The schedule, the optimiser and the batches that a cell is trained with."""

from __future__ import annotations

import math

import pytest
import torch

from posharness.contracts import Batch
from posharness.contracts.cell import Budget, Cell, OptimiserSettings
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import (
    TrainingBatches,
    chosen,
    evaluation_batch,
    predicted,
    rows,
    validation_batch,
)
from posharness.training.optimiser import adamw
from posharness.training.schedule import factor


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def make_cell(registry: Registry, encoding: str, seed: int = 0) -> Cell:
    return Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.select(registry.tasks, Selection("offset_recall", {"length": "37"})),
        budget=Budget(steps=5, batch=3, validation_sequences=7, test_sequences=11),
        seed=seed,
    )


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_over_the_warm_up_and_then_decays(schedule: str) -> None:
    settings = OptimiserSettings.model_validate({"warmup": 0.2, "schedule": schedule})
    rates = [factor(step, 50, settings) for step in range(50)]
    assert rates[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert rates[10] == 1.0
    decayed = {"cosine": (1 + math.cos(math.pi * 0.75)) / 2, "linear": 0.25, "constant": 1.0}[schedule]
    assert rates[40] == pytest.approx(decayed)
    assert min(rates) > 0
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_rate_without_warm_up_starts_at_its_height() -> None:
    assert factor(0, 7, OptimiserSettings(warmup=0.0)) == 1.0
    assert factor(0, 1, OptimiserSettings(warmup=0.1)) == 1.0


def test_only_the_matrices_of_linear_maps_decay(registry: Registry) -> None:
    cell = make_cell(registry, "learned")
    task = registry.task(cell.task, cell.body)
    model = build_model(cell, registry, task)
    optimiser = adamw(model, OptimiserSettings(weight_decay=0.3))
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, others = ([names[id(p)] for p in group["params"]] for group in optimiser.param_groups)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.3, 0.0]
    assert sorted(decayed + others) == sorted(names.values())
    assert all(name.endswith(".weight") and "norm" not in name for name in decayed)
    assert len(decayed) == 2 * 4 + 1
    assert {"body.embedding.tokens.weight", "body.encodings.0.table"} <= set(others)


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one.tokens, other.tokens) and torch.equal(one.targets, other.targets)


def test_batches_depend_on_the_task_the_seed_and_the_step_alone(registry: Registry) -> None:
    cells = [make_cell(registry, name) for name in ("relative", "absolute")]
    one, other = ([*TrainingBatches(c, registry.task(c.task, c.body))] for c in cells)
    assert len(one) == 5
    assert all(same(a, b) for a, b in zip(one, other, strict=True))
    assert not any(same(one[i], one[j]) for i in range(5) for j in range(i))
    reseeded = make_cell(registry, "relative", seed=1)
    assert not same(
        one[0], next(iter(TrainingBatches(reseeded, registry.task(reseeded.task, reseeded.body))))
    )


def test_training_batches_go_on_where_they_were(registry: Registry) -> None:
    cell = make_cell(registry, "none")
    task = registry.task(cell.task, cell.body)
    every = [*TrainingBatches(cell, task)]
    first = TrainingBatches(cell, task)
    drawn = iter(first)
    next(drawn)
    next(drawn)
    second = TrainingBatches(cell, task)
    second.load_state_dict(first.state_dict())
    assert all(same(a, b) for a, b in zip(every[2:], second, strict=True))


def test_training_validation_and_test_share_no_sequence(registry: Registry) -> None:
    cell = make_cell(registry, "none")
    task = registry.task(cell.task, cell.body)
    validation, test = validation_batch(cell, task), evaluation_batch(cell, task, 37)
    assert validation.tokens.shape == (7, 37)
    assert test.tokens.shape == (11, 37)
    every = torch.cat([b.tokens for b in [*TrainingBatches(cell, task), validation, test]])
    assert len(every.unique(dim=0)) == len(every)
    assert not same(test, evaluation_batch(make_cell(registry, "none", seed=1), task, 37))


def test_rows_and_objectives_of_a_batch() -> None:
    tokens = torch.arange(6).reshape(3, 2)
    scored = torch.tensor([[True, False], [True, True], [False, True]])
    batch = Batch(tokens, tokens, scored, tokens, objective=torch.tensor([[0, 0], [1, 0], [1, 1]]))
    part = rows(batch, 1, 9)
    assert torch.equal(part.tokens, tokens[1:])
    assert torch.equal(chosen(batch, torch.tensor([2, 0])).tokens, tokens[[2, 0]])
    assert part.padding is None
    assert predicted(batch, 0).tolist() == [[True, False], [False, True], [False, False]]
    assert predicted(batch, 1).tolist() == [[False, False], [True, False], [False, True]]
    one_objective = Batch(tokens, tokens, scored, tokens)
    assert torch.equal(predicted(one_objective, 0), scored)
    assert not predicted(one_objective, 1).any()
