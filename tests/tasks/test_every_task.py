"""Every task that is drawn on the fly is the instrument that it says it is.

Each test runs for every task, with the parameters of `instrument` or with any that the task's own test
module draws. A task's own module shows what needs its grammar: the layout of its sequences, and that the
answer depends on the sources and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from posharness.contracts import Batch, Change, Task
from posharness.contracts.cell import Budget, Cell, Choice
from posharness.training.batches import TrainingBatches, evaluation_batch, validation_batch
from posharness_tasks._seq2seq import Seq2Seq

from . import instrument
from .instrument import TASKS, TaskInBody, drawn_batches
from .interventions import RARE, check_draws, seeded, tied
from .seq2seq import check_draws as check_draws_across
from .seq2seq import check_frame, check_sources_in_memory

NECESSARY = 0.8
"""By accident another source may hold the same answer: in variable tracking, an earlier assignment."""

NO_SOURCE = ("listops", "state_tracking")
"""Tasks whose quantity is a span. What counts tell is the blind accuracy of the first, and all of parity."""

DRAWN = drawn_batches()
"""Batches of tasks with any parameters, from the tasks' own test modules."""

OWN_DRAWS = ("copy", "offset_recall")
"""Tasks whose own tests show that their draws are uniform."""

DOUBLE_ONLY = ("copy", "offset_recall")
"""Tasks that are tested at one and two training lengths by default; the others at up to eight."""

every_task = pytest.mark.parametrize("posed", TASKS, ids=str)
any_parameters = pytest.mark.parametrize("drawn", DRAWN.values(), ids=DRAWN)


@any_parameters
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_its_batches_have_the_shapes_ranges_and_names_of_the_contract(
    drawn: Callable[[], st.SearchStrategy[tuple[Task, Batch, int]]], data: st.DataObject
) -> None:
    task, batch, _ = data.draw(drawn())
    length = batch.tokens.shape[1] if batch.memory is None else batch.memory.shape[1]
    n = len(batch.tokens)
    assert batch.tokens.shape == (n, task.decoder_length(length))
    assert batch.scored.any(1).all()
    for name in ("targets", "scored", "dependency_length", "segments", "objective", "stratum", "padding"):
        value = getattr(batch, name)
        assert value is None or value.shape == batch.tokens.shape, name
    assert (batch.segments is not None) == (task.segments > 0)
    assert (batch.stratum is not None) == bool(task.strata)
    assert (batch.memory is not None) == (task.body == "encoder-decoder")
    ranges = [(batch.tokens, task.vocabulary), (batch.targets[batch.scored], task.objectives[0].classes)]
    ranges += [(batch.memory, task.vocabulary)] if batch.memory is not None else []
    ranges += [(batch.segments, task.segments)] if batch.segments is not None else []
    ranges += [(batch.stratum[batch.scored], len(task.strata))] if batch.stratum is not None else []
    for values, end in ranges:
        assert 0 <= int(values.min()) <= int(values.max()) < end
    assert len(task.token_names) == len(set(task.token_names)) == task.vocabulary
    assert len(task.segment_names) == len(set(task.segment_names)) == task.segments
    names = task.objectives[0].class_names or task.token_names[: task.objectives[0].classes]
    assert len(names) == len(set(names)) == task.objectives[0].classes


@any_parameters
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_solver_by_hand_is_always_right_and_the_source_is_where_it_looks(
    drawn: Callable[[], st.SearchStrategy[tuple[Task, Batch, int]]], data: st.DataObject
) -> None:
    task, batch, _ = data.draw(drawn())
    assert torch.equal(instrument.solve(task, batch)[batch.scored], batch.targets[batch.scored])
    length = batch.tokens.shape[1] if batch.memory is None else batch.memory.shape[1]
    declared = instrument.declared_distances(task, length)
    assert set(batch.dependency_length[batch.scored].tolist()) <= set(declared)
    assert (batch.dependency_length[~batch.scored] == -1).all()
    if task.distance == "span":
        assert batch.source is None
        return
    assert batch.source is not None
    assert (batch.source[~batch.scored] == -1).all()
    source, position = batch.source[batch.scored], batch.scored.nonzero()[:, 1:]
    assert int(source.max()) < length
    farthest = (source - position).abs().masked_fill(source < 0, -1).amax(1)
    assert torch.equal(farthest, batch.dependency_length[batch.scored])
    if isinstance(task, Seq2Seq):
        assert torch.equal(instrument.solve(task, batch), batch.targets)
        check_sources_in_memory(task, batch)
        check_frame(task, batch, length)
    else:
        assert (source <= position).all()


@any_parameters
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_generator_alone_decides_the_batch(
    drawn: Callable[[], st.SearchStrategy[tuple[Task, Batch, int]]], data: st.DataObject
) -> None:
    task, batch, seed = data.draw(drawn())
    n, length = batch.tokens.shape if batch.memory is None else batch.memory.shape
    state = torch.random.get_rng_state()
    again = task.sample(seeded(seed), n, length, "train")
    assert torch.equal(torch.random.get_rng_state(), state)
    _check_equal(again, batch)
    one, two = (task.sample(seeded(seed + shift), 50, length, "test") for shift in (0, 1))
    assert not torch.equal(_read(one), _read(two))


@every_task
def test_it_is_tested_at_multiples_of_the_training_length_unless_told(posed: TaskInBody) -> None:
    factors = (1, 2) if posed.name in DOUBLE_ONLY else (1, 2, 4, 8)
    assert posed.with_parameters(length=67).evaluation_lengths == tuple(67 * factor for factor in factors)
    assert posed.with_parameters(length=67, evaluation_lengths=[67, 73]).evaluation_lengths == (67, 73)


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("posed", [task for task in TASKS if task.name not in OWN_DRAWS], ids=str)
def test_its_distances_are_uniform_and_tied_neither_to_position_nor_to_target(
    posed: TaskInBody, factor: int
) -> None:
    task = posed.build()
    length = factor * task.length
    if isinstance(task, Seq2Seq):
        check_draws_across(task, length, possible=task.alternatives)
    else:
        distances = instrument.declared_distances(task, length)
        check_draws(task, distances, length, unigram=posed.name == "induction")


@every_task
def test_its_solver_is_right_at_every_length(posed: TaskInBody) -> None:
    task = posed.build()
    for length in task.evaluation_lengths:
        batch = task.sample(seeded(0), 60, length, "test")
        assert torch.equal(instrument.solve(task, batch)[batch.scored], batch.targets[batch.scored])


@every_task
def test_its_dependency_length_is_that_of_the_farthest_source(posed: TaskInBody) -> None:
    task = posed.build()
    batch = task.sample(seeded(1), 200, task.length, "train")
    assert (batch.dependency_length[~batch.scored] == -1).all()
    if task.distance == "span":
        assert batch.source is None
        return
    assert batch.source is not None
    position = torch.arange(batch.tokens.shape[1])[:, None]
    away = (batch.source - position).abs().masked_fill(batch.source < 0, -1).amax(2)
    assert torch.equal(away[batch.scored], batch.dependency_length[batch.scored])


@every_task
def test_its_farthest_source_is_necessary(posed: TaskInBody) -> None:
    task = posed.build()
    if task.distance == "span":
        return
    batch = task.sample(seeded(2), 60, task.length, "train")
    assert instrument.answers_without_the_farthest(task, batch, seeded(3)) >= NECESSARY


@every_task
def test_its_chance_is_what_predictors_without_content_reach(posed: TaskInBody) -> None:
    task = posed.build()
    fit, test = (task.sample(seeded(seed), 6000, task.length, "train") for seed in (4, 5))
    chance = task.objectives[0].chance
    # Predictions of one sequence are not independent: its sequences are what is counted.
    error = (chance * (1 - chance) / len(test.tokens)) ** 0.5
    found = instrument.content_free_accuracies(fit, test, task.vocabulary)
    assert max(found.values()) == pytest.approx(chance, abs=4 * error), found


@every_task
def test_without_the_source_its_tokens_tell_nothing(posed: TaskInBody) -> None:
    """Neither their counts nor the order in which they appear."""
    if posed.name in NO_SOURCE:
        return
    task = posed.build()
    fit, test = (instrument.enough_to_fit(task, seeded(seed)) for seed in (6, 7))
    for view in (instrument.counts, instrument.order):
        found = instrument.shortcut_accuracy(task, fit, test, view)
        assert found <= task.objectives[0].chance + 0.02, view.__name__


@every_task
def test_an_intervention_changes_what_it_says(posed: TaskInBody) -> None:
    task = posed.build()
    if type(task).intervene is Task.intervene:  # it has none
        return
    batch = task.sample(seeded(12), 400, task.length, "test")
    for what in get_args(Change):
        changed = task.intervene(batch, seeded(13), what)
        assert changed is not None
        scored = changed.scored
        assert scored.any()
        assert (batch.scored | ~scored).all()
        assert torch.equal(instrument.solve(task, changed)[scored], changed.targets[scored])
        assert ((changed.targets != batch.targets)[scored] == (what == "source")).all()
        assert not torch.equal(_read(changed), _read(batch))


@every_task
def test_its_distances_are_uniform_and_not_tied_to_positions(posed: TaskInBody) -> None:
    task = posed.build()
    batch = task.sample(seeded(8), 6000, task.length, "train")
    declared = sorted(instrument.declared_distances(task, task.length))
    assert sorted(batch.dependency_length[batch.scored].unique().tolist()) == declared
    for distance, position in instrument.distances_at(batch):
        rung = torch.searchsorted(torch.tensor(declared), distance)
        assert chisquare(rung.bincount(minlength=len(declared))).pvalue > RARE
        assert not tied(rung, position)


@every_task
def test_training_validation_and_test_share_no_sequence(posed: TaskInBody) -> None:
    task = posed.build()
    cell = Cell(
        encoding=Choice(name="none"),
        attention=Choice(name="softmax"),
        body=posed.body,
        task=Choice(name=posed.name, params=dict(posed.params)),
        budget=Budget(steps=60, batch=32, test_sequences=500, validation_sequences=500),
    )
    drawn = {
        "train": list(TrainingBatches(cell, task)),
        "validation": [validation_batch(cell, task)],
        "test": [evaluation_batch(cell, task, task.length)],
    }
    seen = {
        name: {tuple(row) for batch in batches for row in _read(batch).tolist()}
        for name, batches in drawn.items()
    }
    assert not seen["train"] & seen["validation"]
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]


@every_task
def test_its_generator_alone_decides_the_batch(posed: TaskInBody) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        one = posed.build().sample(seeded(9), 7, 64, "train")
        torch.manual_seed(1)
        torch.nn.TransformerEncoderLayer(8, 2)  # a model built before draws from the global generator
        state = torch.random.get_rng_state()
        two = posed.build().sample(seeded(9), 7, 64, "train")
        assert torch.equal(torch.random.get_rng_state(), state)
    _check_equal(one, two)


def _check_equal(one: Batch, two: Batch) -> None:
    for field in fields(one):
        first, second = getattr(one, field.name), getattr(two, field.name)
        assert (first is None and second is None) or torch.equal(first, second), field.name


def _read(batch: Batch) -> torch.Tensor:
    """All tokens that a model reads."""
    return batch.tokens if batch.memory is None else torch.cat([batch.tokens, batch.memory], 1)
