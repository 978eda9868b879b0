"""The grid of `--tune`: what is read, what is refused, and what an experiment with a point of it is."""

from __future__ import annotations

import pytest

from posharness.errors import UserError
from posharness.experiment import load_experiment
from posharness.experiment.tuning import grid_of, parse_grid, points, with_settings


def test_numbers_words_and_truth_values_are_read() -> None:
    grid = parse_grid(
        ["lr=[.001, 3e-3]", "optimiser.schedule=[cosine,constant]", "scale_embedding=[true,false]"]
    )
    assert grid == {
        "lr": [0.001, 0.003],
        "schedule": ["cosine", "constant"],
        "scale_embedding": [True, False],
    }
    assert len(points(grid)) == 8
    assert points({"lr": [1.0, 2.0]}) == [{"lr": 1.0}, {"lr": 2.0}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "expected KEY="),
        ("lr=.001", "expected KEY="),
        ("lr=[]", "no value"),
        ("lrr=[.1]", "did you mean 'lr'"),
        ("model.lr=[.1]", "did you mean"),
        ("lr=[fast]", "--tune lr: optimiser.lr"),
        ("lr=[-1]", "--tune lr: optimiser.lr"),
        ("seeds=[1,2]", "only settings of the model"),
        ("task.copy.params.length=[8]", "only settings of the model"),
    ],
)
def test_what_cannot_be_tuned_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("[", r"\[").replace("=", "=")):
        parse_grid([text])


def test_a_setting_is_given_once() -> None:
    with pytest.raises(UserError, match="given twice"):
        grid_of({"lr": [0.1], "optimiser.lr": [0.2]})


def test_a_point_replaces_what_a_task_has_of_its_own() -> None:
    experiment = load_experiment(preset="smoke")
    own = experiment.settings("bert")
    assert own[3].lr != experiment.optimiser.lr  # or the test says nothing
    tuned = with_settings(experiment, {"lr": 0.5, "layers": 3})
    for task in ("bert", "copy"):
        _, model, budget, optimiser, trainer = tuned.settings(task)
        before = experiment.settings(task)
        assert (optimiser.lr, model.layers) == (0.5, 3)
        assert optimiser == before[3].model_copy(update={"lr": 0.5})
        assert model == before[1].model_copy(update={"layers": 3})
        assert (budget, trainer) == (before[2], before[4])
