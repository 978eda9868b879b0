"""Experiments are laid over each other, and a wrong key is named."""

from pathlib import Path

import pytest

from posharness.errors import UserError
from posharness.experiment import load_experiment, preset_names


def test_every_shipped_experiment_is_valid() -> None:
    assert {"smoke", "quick", "standard"} <= set(preset_names())
    for name in preset_names():
        assert load_experiment(preset=name).tasks


def test_options_lie_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    config = tmp_path / "experiment.toml"
    config.write_text('preset = "smoke"\nseeds = 3\n[budget]\nbatch = 7\n[task.copy.budget]\nsteps = 11\n')
    smoke = load_experiment(preset="smoke")
    found = load_experiment(config=config, overrides={"seeds": 5, "tasks": None})
    assert found.seed_list == [0, 1, 2, 3, 4]
    assert found.tasks == smoke.tasks
    assert found.budget.batch == 7
    assert found.budget.steps == smoke.budget.steps
    assert found.settings("copy")[2].steps == 11
    assert found.settings("copy")[2].batch == 7
    assert found.settings("stranger")[2] == found.budget


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sedes = 2", "unknown key 'sedes'; did you mean 'seeds'"),
        ("[model]\nwidht = 2", "unknown key 'model.widht'; did you mean 'width'"),
        ("[task.copy.budget]\nstep = 2", "unknown key 'task.copy.budget.step'; did you mean 'steps'"),
        ('[budget]\nsteps = "many"', "budget.steps should be a valid integer; given 'many'"),
        ("seeds = 0", "at least one seed"),
        ('bodies = ["brain"]', "bodies.0 should be 'encoder'"),
        ("seeds = ", "no TOML file"),
        ("preset = 3", "preset expects the name"),
        ('preset = "quik"', "did you mean 'quick'"),
    ],
)
def test_a_slip_in_a_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "experiment.toml"
    config.write_text(text)
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        load_experiment(config=config)


def test_a_missing_file_lists_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read .* quick"):
        load_experiment(config=tmp_path / "none.toml")
