"""Free-running scores are those of greedy decoding, and stand beside the teacher-forced ones."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_model
from torch import Tensor, nn

from posharness.contracts import Batch, Body, Task
from posharness.contracts.cell import Budget, Cell, ModelSettings, OptimiserSettings
from posharness.contracts.columns import DECODINGS
from posharness.model import Model, build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import evaluation_batch
from posharness.training.run import train_cell
from posharness.training.scoring import Scored, score
from posharness.training.testing import run_test

PLUGINS = """
import torch
from posharness.contracts import Batch, Objective, Task, hookimpl

class Chain(Task):
    '''Emit the next token, in stretches of scored positions; two objectives share the positions.'''
    name = "chain"
    bodies = ("decoder", "encoder")
    vocabulary = 7
    length = 13
    evaluation_lengths = (13, 17)
    autoregressive = True
    objectives = (Objective("even", 7, 1 / 7), Objective("odd", 7, 1 / 7))
    def sample(self, generator, n, length, split):
        tokens = torch.randint(7, (n, length), generator=generator)
        scored = torch.rand(n, length, generator=generator) < 0.7
        scored[:, -1] = False
        objective = (torch.arange(length) % 2).expand(n, length)
        return Batch(tokens, tokens.roll(-1, 1), scored, 0 * tokens, objective=objective)

@hookimpl
def posharness_tasks():
    return [Chain]
"""
SMALL = {"length": "17", "words": "2", "evaluation_lengths": ["17", "23"]}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("plugins") / "mine.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


def make_cell(
    registry: Registry,
    task: str = "translate",
    body: Body = "encoder-decoder",
    *,
    encoding: str = "relative",
    attention: str = "softmax",
    **budget: Any,
) -> Cell:
    sizes = {"steps": 13, "batch": 5, "test_sequences": 11, "validation_sequences": 6, "validate_every": 5}
    return Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, {})),
        attention=registry.select(registry.attentions, Selection(attention, {})),
        self_attention=registry.select(registry.attentions, Selection("softmax", {}))
        if body == "encoder-decoder"
        else None,
        body=body,
        task=registry.choose(registry.tasks.find(task), SMALL if task == "translate" else {}),
        model=ModelSettings(width=12, heads=3),
        budget=Budget(**{**sizes, **budget}),
        optimiser=OptimiserSettings(lr=1e-2),
        seed=3,
    )


def build(registry: Registry, cell: Cell) -> tuple[Model, Task]:
    task = registry.task(cell.task, cell.body)
    return build_model(cell, registry, task), task


def greedy(model: Model, batch: Batch) -> dict[tuple[int, int], float]:
    """The log-probability of each target when one position after the other is decoded, literally."""
    tokens = batch.tokens.clone()
    objective = torch.zeros_like(tokens) if batch.objective is None else batch.objective
    found = {}
    for i in range(tokens.shape[1]):
        hidden = model(dataclasses.replace(batch, tokens=tokens), torch.Generator())
        for b in range(len(tokens)):
            if not batch.scored[b, i]:
                continue
            logits = model.logits(hidden[b, i : i + 1], int(objective[b, i]))[0]
            found[b, i] = float(logits.log_softmax(-1)[batch.targets[b, i]])
            if i + 1 < tokens.shape[1] and batch.scored[b, i + 1]:
                tokens[b, i + 1] = logits.argmax()
    return found


@pytest.mark.parametrize(("task", "body"), [("translate", "encoder-decoder"), ("chain", "decoder")])
def test_free_running_is_greedy_decoding(registry: Registry, task: str, body: Body) -> None:
    cell = make_cell(registry, task, body)
    model, posed = build(registry, cell)
    batch = evaluation_batch(cell, posed, posed.evaluation_lengths[1])
    count = len(posed.objectives)
    with torch.no_grad():
        expected = greedy(model.eval(), batch)
    found = score(model, batch, count, ("test",), fed_back=True)
    assert len(found) == 2 * count
    free = {
        (int(b), int(i)): float(x)
        for part in found[count:]
        for b, i, x in zip(part.sequence, part.position, part.log_prob, strict=True)
    }
    assert free.keys() == expected.keys()
    assert free == pytest.approx(expected, abs=1e-5)
    assert any(not torch.equal(a.log_prob, b.log_prob) for a, b in zip(found, found[count:], strict=False))
    plain = score(model, batch, count, ("test",))
    assert all(torch.equal(a.log_prob, b.log_prob) for a, b in zip(plain, found, strict=False))


class Rule(Model):
    """A model that emits by a rule what it reads, and counts its passes."""

    def __init__(self, rule: Callable[[Batch], Tensor], classes: int) -> None:
        nn.Module.__init__(self)  # a model without a body
        self.rule = rule
        self.classes = classes
        self.passes: list[int] = []
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch, generator: torch.Generator) -> Tensor:
        self.passes.append(len(batch.tokens))
        return nn.functional.one_hot(self.rule(batch), self.classes).float()

    def scored(self, batch: Batch, generator: torch.Generator) -> Tensor:
        hidden: Tensor = self(batch, generator)[batch.scored]
        return hidden

    def logits(self, hidden: Tensor, objective: int) -> Tensor:
        return hidden


def scores_of(rule: Rule, batch: Batch) -> tuple[Scored, Scored]:
    forced, free = score(rule, batch, 1, ("test",), fed_back=True)
    return forced, free


def test_a_perfect_model_scores_the_same_in_a_single_pass(registry: Registry) -> None:
    cell = make_cell(registry)
    task = registry.task(cell.task, cell.body)
    batch = evaluation_batch(cell, task, 23)

    def solve(batch: Batch) -> Tensor:
        assert batch.memory is not None
        kinds = 4 * 2
        first = (batch.memory == 2 * kinds).long().argmax(1, keepdim=True) + 1
        return batch.memory.gather(1, first + torch.tensor([3, 2, 1, 0, 6, 5, 4])) - kinds

    perfect = Rule(solve, 8)
    forced, free = scores_of(perfect, batch)
    assert forced.accuracy == free.accuracy == 1.0
    assert torch.equal(forced.log_prob, free.log_prob)
    assert perfect.passes == [11]


def test_one_mistake_is_carried_on_and_no_sequence_takes_more_passes_than_predictions() -> None:
    # The rule is the token read plus one; once in each second sequence, the target is another.
    said = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 9, 10, 11, 12]]).repeat(2, 1)
    tokens, targets = said[:, :-1], said[:, 1:]
    batch = Batch(tokens, targets, tokens >= 0, 0 * tokens)
    rule = Rule(lambda batch: batch.tokens + 1, 15)
    forced, free = scores_of(rule, batch)
    assert forced.correct.view(4, 6)[1::2].tolist() == [[True, True, False, True, True, True]] * 2
    assert free.correct.view(4, 6)[1::2].tolist() == [[True, True, False, False, False, False]] * 2
    assert forced.correct.view(4, 6)[::2].all()
    assert free.correct.view(4, 6)[::2].all()
    assert rule.passes == [4, 2, 2, 2]


def test_unscored_positions_stay_as_they_are() -> None:
    tokens = torch.tensor([[0, 5, 0, 5, 0, 5]])
    scored = torch.tensor([[True, False, True, True, False, True]])
    read: list[Tensor] = []

    def rule(batch: Batch) -> Tensor:
        read.append(batch.tokens)
        return batch.tokens + 1

    scores_of(Rule(rule, 9), Batch(tokens, tokens, scored, 0 * tokens))
    assert [x.tolist() for x in read] == [[[0, 5, 0, 5, 0, 5]], [[0, 5, 0, 1, 0, 5]]]


def test_predictions_hold_both_and_an_encoder_only_what_it_was_shown(registry: Registry) -> None:
    cells: list[tuple[Body, list[str]]] = [("decoder", [*DECODINGS]), ("encoder", ["teacher-forced"])]
    for body, decodings in cells:
        cell = make_cell(registry, "chain", body, encoding="none")
        frame = run_test(cell, *build(registry, cell)).predictions
        assert frame.decoding.unique().tolist() == decodings
        assert frame.objective.cat.categories.tolist() == ["even", "odd"]
        parts = [
            frame[(frame.objective == name) & (frame.decoding == decoding)]
            for decoding in decodings
            for name in ("even", "odd")
        ]
        assert {tuple(part.length.unique()) for part in parts} == {(13, 17)}
        for forced, free in zip(parts, parts[2:], strict=False):
            columns = ["length", "sequence", "position", "dependency_length", "chance"]
            pd.testing.assert_frame_equal(
                forced[columns].reset_index(drop=True), free[columns].reset_index(drop=True)
            )
            assert (forced.log_prob.to_numpy() != free.log_prob.to_numpy()).any()


def test_a_test_in_parts_gives_what_a_test_at_once_gives(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(registry, "translate", encoding="absolute")
    model, task = build(registry, cell)
    whole = run_test(cell, model, task).predictions
    ticks: list[int] = []
    monkeypatch.setattr("posharness.training.scoring._SCORES", 4 * 17**2)
    parts = run_test(cell, model, task, tick=ticks.append).predictions
    # As drawn, with the sources changed, and with all else changed.
    assert ticks == [4, 4, 3] * 3 + [2, 2, 2, 2, 2, 1] * 3
    pd.testing.assert_frame_equal(whole, parts, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ["softmax", "additive"])
def test_a_translating_cell_learns_and_leaves_its_files(
    registry: Registry, tmp_path: Path, attention: str
) -> None:
    cell = make_cell(registry, attention=attention, steps=120, batch=16, validate_every=60)
    outcome = train_cell(cell, registry, tmp_path, cache=tmp_path, observe=lambda _: None)
    assert outcome.status == "done"
    curve = pd.read_parquet(tmp_path / "curve.parquet")
    assert set(curve.objective) == {"translation"}
    assert curve.train_loss.iloc[-10:].mean() < 0.7 * curve.train_loss.iloc[:10].mean()
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["objectives"] == ["translation"]
    assert (result["train_length"], result["undefined_lengths"]) == (17, [])
    frame = pd.read_parquet(tmp_path / "predictions.parquet")
    assert set(frame.length) == {17, 23}
    assert frame[frame.decoding == "teacher-forced"].correct.mean() > 0.6
    model, task = build(registry, cell)
    load_model(model, tmp_path / "weights.safetensors")
    again = run_test(cell, model, task).predictions
    pd.testing.assert_frame_equal(again, frame, check_exact=True)


def test_lengths_beyond_the_memorys_encoding_are_undefined(registry: Registry, tmp_path: Path) -> None:
    cell = make_cell(registry, encoding="learned", steps=2)
    train_cell(cell, registry, tmp_path, cache=tmp_path, observe=lambda _: None)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["max_length"], result["undefined_lengths"]) == (17, [23])
    assert set(pd.read_parquet(tmp_path / "predictions.parquet").length) == {17}
