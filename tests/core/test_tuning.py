"""Tuning: equal budgets, seeds of their own, a choice on validation alone, then fresh runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import posharness
from posharness.api import execute
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.execution import Execution, RunSummary
from posharness.experiment import Experiment, load_experiment
from posharness.planning.plan_tuning import FIRST_SEED, Trial, Tuning, arm_of, plan_final, plan_trials
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.tuning import choose

from .commands import harness

TINY: dict[str, Any] = {
    "tasks": ["offset_recall[length=7,symbols=3,offsets=[1,2]]"],
    "seeds": 1,
    "model": {"width": 8, "heads": 2, "layers": 1},
    "budget": {"steps": 2, "batch": 3, "test_sequences": 4, "validation_sequences": 3, "validate_every": 2},
}
GRID = {"lr": [0.001, 0.01], "clip": [0.5, 1.0]}


@pytest.fixture
def experiment() -> Experiment:
    tasks = [*TINY["tasks"], "copy[length=8,payload=2,symbols=3]"]
    return load_experiment(
        preset="smoke", overrides={**TINY, "tasks": tasks, "plugins": ["rope", "alibi"], "seeds": 3}
    )


@pytest.fixture
def trials(experiment: Experiment) -> list[Trial]:
    return plan_trials(Tuning(GRID, 2), experiment, Registry.load(), cache_root())


class Ended(Store):
    """A store in which trials have ended: a score and a loss for each."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.scores: dict[str, float] = {}

    def end(self, trial: Trial, score: float, loss: float = 1.0) -> None:
        folder = self.path / trial.cell.key
        folder.mkdir()
        row = {"step": 1, "seconds": 0.1, "objective": "recall", "train_loss": 1.0, "validation_loss": loss}
        row |= {"validation_score": score, "gradient_norm": 1.0, "learning_rate": 0.1}
        frame = pd.DataFrame([row]).astype({"objective": "category"})
        frame.to_parquet(folder / "curves.parquet", index=False)
        frame.to_parquet(folder / "curve.parquet", index=False)
        self.scores[trial.cell.key] = score

    def done(self, key: str) -> bool:
        return key in self.scores

    def folder(self, key: str) -> Path:
        return self.path / key

    def results(self, key: str) -> dict[str, Any]:
        return {"score": self.scores[key]}


def test_every_encoding_and_task_gets_the_same_number_of_trials_with_seeds_of_their_own(
    trials: list[Trial], experiment: Experiment
) -> None:
    assert set(Counter(arm_of(trial.cell) for trial in trials).values()) == {4 * 2}
    assert {trial.cell.seed for trial in trials} == {FIRST_SEED, FIRST_SEED + 1}
    assert not {trial.cell.seed for trial in trials} & set(experiment.seed_list)
    for trial in trials:
        assert trial.cell.optimiser.lr == trial.point["lr"]
        assert trial.cell.optimiser.clip == trial.point["clip"]


def test_the_best_mean_validation_score_is_chosen_for_each_and_of_equal_ones_the_lowest_loss(
    trials: list[Trial], tmp_path: Path
) -> None:
    store = Ended(tmp_path)
    for trial in trials:
        rope = trial.cell.label == "rope"
        good = trial.point["lr"] == (0.01 if rope else 0.001)
        loss = 0.2 if trial.point["clip"] == 1.0 else 0.3
        # One lucky run does not decide.
        lucky = not good and trial.cell.seed == FIRST_SEED
        store.end(trial, 1.0 if lucky else 0.7 if good else 0.2, loss)
    chosen = choose(trials, store)
    assert len(chosen) == 4
    for (label, _, _), point in chosen.items():
        assert point == {"lr": 0.01 if label == "rope" else 0.001, "clip": 1.0}


def test_a_trial_that_failed_counts_as_nothing(trials: list[Trial], tmp_path: Path) -> None:
    store = Ended(tmp_path)
    for trial in trials:
        if trial.point == {"lr": 0.01, "clip": 0.5}:
            store.end(trial, 0.1)
        elif trial.cell.seed == FIRST_SEED and trial.point == {"lr": 0.001, "clip": 0.5}:
            store.end(trial, 0.15)  # its other run failed
    assert {tuple(point.values()) for point in choose(trials, store).values()} == {(0.01, 0.5)}


def test_final_cells_have_fresh_seeds_and_the_settings_of_their_arm(
    trials: list[Trial], experiment: Experiment
) -> None:
    arms = sorted({arm_of(trial.cell) for trial in trials})
    every = [dict(items) for items in {tuple(trial.point.items()) for trial in trials}]
    chosen = {arm: every[place % 2] for place, arm in enumerate(arms)}
    cells = plan_final(chosen, experiment, Registry.load(), cache_root())
    assert Counter(arm_of(cell) for cell in cells) == dict.fromkeys(arms, 3)
    assert {cell.seed for cell in cells} == {0, 1, 2}
    for cell in cells:
        assert {"lr": cell.optimiser.lr, "clip": cell.optimiser.clip} == chosen[arm_of(cell)]


@pytest.mark.usefixtures("warm_server")
def test_a_tuned_run_keeps_what_was_tried_and_trains_nothing_twice(tmp_path: Path) -> None:
    def run() -> posharness.Results:
        return posharness.run(
            ["rope"],
            tasks=TINY["tasks"],
            preset="smoke",
            overrides=TINY,
            store=tmp_path / "runs",
            workers=1,
            tune={"lr": [0.001, 0.01]},
            tune_seeds=1,
        )

    results = run()
    assert results.cells["seed"].tolist() == [0]
    assert results.cells["stage"].tolist() == [""]
    everything = posharness.load(tmp_path / "runs").cells
    assert Counter(everything["stage"]) == {"tuning": 2, "": 1}
    tried = everything[everything["stage"] == "tuning"]
    assert sorted(own["lr"] for own in tried["tuned"]) == [0.001, 0.01]
    (final,) = everything.loc[everything["stage"] == "", "tuned"]
    best = tried.loc[tried["score"] == tried["score"].max(), "tuned"]
    assert final in list(best)
    started = everything.set_index("cell")["started"]
    run()
    assert posharness.load(tmp_path / "runs").cells.set_index("cell")["started"].equals(started)


def test_a_dry_run_shows_the_trials_first(tiny: Path, tmp_path: Path) -> None:
    command = ("run", "--config", tiny, "--plugins", "rope,alibi", "--store", tmp_path / "runs", "--dry-run")
    ended = harness(*command, "--tune", "lr=[.001,.003,.01]", "--tune-seeds", "2")
    assert "12 cells: 12 to train" in ended.out
    assert "trials of lr" in ended.out
    assert harness(*command, "--tune-seeds", "2").status == 2
    wrong = harness(*command, "--tune", "speed=[1,2]")
    assert wrong.status == 2
    assert "--tune speed" in wrong.err


def test_nothing_is_chosen_from_trials_that_were_stopped(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, announced = list[RunSummary](), list[str]()

    def stopped(execution: Execution, plan: Callable[[Registry], list[Cell]]) -> RunSummary:
        runs.append(RunSummary(tuple(plan(Registry.load())), frozenset(), stopped=True))
        return runs[-1]

    monkeypatch.setattr(Execution, "run", stopped)
    store = Store.open(tmp_path / "runs", create=True)
    execution = Execution(store.path)
    assert execute(experiment, execution, announce=announced.append, tuning=Tuning(GRID, 2)) is runs[0]
    assert len(runs) == 1
    assert not any("chosen" in line for line in announced)
    assert json.loads((store.path / "tuning.json").read_text())["final"] == {}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "runs", create=True)
    (store.path / "tuning.json").write_text(json.dumps({"trials": 3}))
    with pytest.raises(posharness.UserError, match=r"tuning\.json cannot be read"):
        posharness.load(store.path)
