"""How much a cell computes, before anything is measured, is in proportion to the time that it takes."""

from __future__ import annotations

from statistics import geometric_mean

import pytest

from posharness.contracts.cell import Cell
from posharness.cost.amount import amounts_of
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry

MILLISECONDS = {
    "recall": 16.5,
    "flip_flop": 16.6,
    "copy": 22.0,
    "needle": 23.3,
    "seq2seq_copy": 24.2,
    "agreement": 34.3,
    "listops": 34.9,
    "variables": 56.9,
}
"""Processor time of a training step in the calibration: median of absolute, learned, alibi and rope, which
cost about the same. Batches hold 32 or 64 sequences of 16 to 48 tokens; models have two blocks, four, or two
stacks of two."""

Planned = tuple[list[Cell], Registry]


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    registry = Registry.load()
    chosen = {"plugins": ["absolute"], "tasks": list(MILLISECONDS), "seeds": 1}
    experiment = load_experiment(config="calibration", overrides=chosen)
    return plan(experiment, registry, tmp_path_factory.mktemp("cache")), registry


def test_a_step_is_in_proportion_to_its_time(calibration: Planned) -> None:
    found, pace = amounts_of(*calibration), {}
    for cell in calibration[0]:
        step = found[cell.key].training / cell.budget.steps
        pace[cell.task.name] = step / MILLISECONDS[cell.task.name]
    middle = geometric_mean(pace.values())
    assert {task: value / middle for task, value in pace.items()} == pytest.approx(
        dict.fromkeys(MILLISECONDS, 1.0), rel=0.15
    )


def test_each_size_of_model_has_an_amount_of_its_own(calibration: Planned) -> None:
    cell = calibration[0][0]
    deep, wide = (
        cell.model_copy(update={"model": cell.model.model_copy(update=change)})
        for change in ({"layers": 2 * cell.model.layers}, {"width": 2 * cell.model.width})
    )
    found = amounts_of([cell, deep, wide], calibration[1])
    assert found[deep.key].training == pytest.approx(2 * found[cell.key].training)
    assert found[deep.key].testing == pytest.approx(2 * found[cell.key].testing)
    # The weights become four times as many, attention twice as much, the start of operations no more.
    assert 2 < found[wide.key].training / found[cell.key].training < 4
    assert 3 < found[wide.key].testing / found[cell.key].testing < 4


def test_what_is_skipped_or_read_has_no_amount(calibration: Planned) -> None:
    cell = calibration[0][0]
    for changed in ({"skip": "cannot work"}, {"pretrained": "a model"}):
        assert amounts_of([cell.model_copy(update=changed)], calibration[1]) == {}
