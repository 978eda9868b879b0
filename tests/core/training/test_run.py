"""A cell leaves the files that reports are made of, and the same ones each time."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, load_model

from posharness.contracts import Body, CellOutcome, Progress, Task
from posharness.contracts.cell import Budget, Cell, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.contracts.columns import CURVES, INTERVENTIONS, MECHANISM, PREDICTIONS, Table
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import evaluation_batch, validation_batch
from posharness.training.run import train_cell
from posharness.training.schedule import factor
from posharness.training.scoring import score
from posharness.training.testing import run_test

PLUGINS = """
from dataclasses import replace
import torch
from posharness.contracts import Batch, Objective, PositionalEncoding, Task, hookimpl

class Short(PositionalEncoding):
    name = "short"
    per = "model"
    max_length = 20

class Duties(Task):
    '''Two objectives, the second of which is seldom scored, and strata.'''
    name = "duties"
    bodies = ("encoder",)
    vocabulary = 5
    length = 7
    evaluation_lengths = (7, 13)
    strata = ("even", "odd")
    objectives = (Objective("self", 5, 0.2), Objective("first", 5, 0.25, "pooled"))
    def sample(self, generator, n, length, split):
        tokens = torch.randint(5, (n, length), generator=generator)
        objective = torch.zeros_like(tokens)
        objective[:, 0] = 1
        scored = torch.ones_like(tokens).bool()
        scored[:, 0] = (torch.rand(n, generator=generator) < 0.2) & (split == "test")
        return Batch(tokens, tokens, scored, -1 - 0 * tokens, objective=objective, stratum=tokens % 2)
    def intervene(self, batch, generator, what):
        tokens = (batch.tokens + (what == "source")) % 5
        return replace(batch, tokens=tokens, targets=tokens, stratum=tokens % 2)

@hookimpl
def posharness_encodings():
    return [Short]

@hookimpl
def posharness_tasks():
    return [Duties]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("plugins") / "mine.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


Trained = tuple[CellOutcome, Path, list[Progress]]
Train = Callable[..., Trained]


@pytest.fixture
def train(registry: Registry, tmp_path: Path) -> Train:
    def run(cell: Cell, folder: str = "cell") -> Trained:
        (tmp_path / folder).mkdir(exist_ok=True)
        news: list[Progress] = []
        outcome = train_cell(cell, registry, tmp_path / folder, cache=tmp_path, observe=news.append)
        return outcome, tmp_path / folder, news

    return run


def make_cell(
    registry: Registry,
    encoding: str = "relative",
    body: Body = "encoder",
    *,
    task: str = "offset_recall",
    params: dict[str, Any] | None = None,
    optimiser: dict[str, Any] | None = None,
    dropout: float = 0.0,
    **budget: Any,
) -> Cell:
    recall = {"length": "17", "symbols": "4", "offsets": ["1", "5"], "evaluation_lengths": ["17", "29"]}
    sizes = {"steps": 13, "batch": 5, "test_sequences": 7, "validation_sequences": 6, "validate_every": 5}
    return Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body=body,
        task=registry.choose(registry.tasks.find(task), recall if task == "offset_recall" else params or {}),
        model=ModelSettings(width=12, heads=3, dropout=dropout),
        budget=Budget(**{**sizes, **budget}),
        optimiser=OptimiserSettings(**(optimiser or {"lr": 1e-2})),
        seed=3,
    )


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


@pytest.mark.parametrize("body", ["encoder", "decoder"])
def test_a_cell_leaves_its_files(registry: Registry, train: Train, body: Body) -> None:
    cell = make_cell(registry, body=body)
    outcome, folder, _ = train(cell)
    assert outcome == CellOutcome("done")
    names = [
        "curve.parquet",
        "environment.json",
        "examples.parquet",
        "mechanism.parquet",
        "predictions.parquet",
        "result.json",
        "weights.safetensors",
    ]
    if type(registry.task(cell.task, cell.body)).intervene is not Task.intervene:
        names.append("interventions.parquet")
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    (folder / "as the umask says").touch()
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1
    result = read(folder)
    model = build_model(cell, registry, registry.task(cell.task, cell.body))
    assert result["parameters"] == model.parameter_count
    assert result["encoding_parameters"] == model.encoding_parameter_count
    assert result["family"] == model.family
    assert result["steps"] == 13
    assert result["step_ms"] > 0
    assert (
        0 < result["step_wall_ms"] <= 1000 * result["seconds"] / 7
    )  # of 13 steps, 7 are not below the median
    assert (result["train_length"], result["max_length"], result["undefined_lengths"]) == (17, None, [])
    assert (result["objectives"], result["strata"], result["distance"]) == (["recall"], [], "dependency")
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["torch"] == torch.__version__
    assert environment["device"] == "cpu"
    assert environment["threads"] == torch.get_num_threads()
    assert all(environment[k] for k in ("python", "lightning", "posharness", "platform", "machine", "date"))


@pytest.fixture(scope="module")
def two_steps(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a cell of two objectives."""
    folder = tmp_path_factory.mktemp("two_steps")
    cell = make_cell(registry, task="duties", steps=2)
    assert train_cell(cell, registry, folder, cache=folder, observe=lambda _: None).status == "done"
    return folder


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("predictions", PREDICTIONS),
        ("interventions", INTERVENTIONS),
        ("curve", CURVES),
        ("mechanism", MECHANISM),
    ],
)
def test_every_file_has_the_columns_of_the_schema(two_steps: Path, file: str, table: Table) -> None:
    frame = pd.read_parquet(two_steps / f"{file}.parquet")
    assert [(name, str(kind)) for name, kind in frame.dtypes.items()] == [
        (column.name, column.type) for column in table.own_columns
    ]


def test_predictions_are_those_of_the_stored_weights(registry: Registry, train: Train) -> None:
    cell = make_cell(registry)
    _, folder, _ = train(cell)
    frame = pd.read_parquet(folder / "predictions.parquet")
    task = registry.task(cell.task, cell.body)
    model = build_model(cell, registry, task)
    load_model(model, folder / "weights.safetensors")
    for length in (17, 29):
        batch = evaluation_batch(cell, task, length)
        found = frame[frame.length == length].reset_index(drop=True)
        assert len(found) == int(batch.scored.sum()) > 0
        place = torch.tensor(found[["sequence", "position"]].to_numpy()).unbind(1)
        assert batch.scored[place].all()
        logits = model.eval().logits(model(batch, torch.Generator())[place], 0)
        targets = batch.targets[place]
        expected = torch.log_softmax(logits, -1)[torch.arange(len(targets)), targets]
        torch.testing.assert_close(torch.tensor(found.log_prob.to_numpy()), expected.detach())
        assert found.correct.tolist() == (logits.argmax(-1) == targets).tolist()
        assert found.dependency_length.tolist() == batch.dependency_length[place].tolist()
    assert set(frame.split) == {"test"}
    assert set(frame.objective) == {"recall"}
    assert set(frame.stratum) == {""}
    assert set(frame.chance) == {0.25}


def test_the_same_cell_gives_the_same_bits(registry: Registry, train: Train) -> None:
    cell = make_cell(registry, dropout=0.3)
    torch.manual_seed(1)
    one = train(cell, "one")[1]
    torch.manual_seed(2)
    other = train(cell, "other")[1]
    for name in ("predictions.parquet", "weights.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    curves = (pd.read_parquet(f / "curve.parquet").drop(columns="seconds") for f in (one, other))
    pd.testing.assert_frame_equal(*curves, check_exact=True)


def test_the_global_generator_is_left_as_it_was(registry: Registry, train: Train) -> None:
    before = torch.get_rng_state()
    train(make_cell(registry, dropout=0.3))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_learning_rate_that_lightning_steps_is_the_schedules(
    registry: Registry, train: Train, schedule: str
) -> None:
    settings = {"lr": 2e-3, "schedule": schedule, "warmup": 0.4}
    curve = pd.read_parquet(train(make_cell(registry, optimiser=settings))[1] / "curve.parquet")
    expected = [2e-3 * factor(step, 13, OptimiserSettings.model_validate(settings)) for step in range(13)]
    assert curve.learning_rate.tolist() == pytest.approx(expected)
    assert curve.learning_rate.nunique() > 5 or schedule == "constant"


def test_the_curve_has_a_row_for_each_logged_step(registry: Registry, train: Train) -> None:
    _, folder, _ = train(make_cell(registry, steps=207, batch=1, validate_every=60))
    curve = pd.read_parquet(folder / "curve.parquet")
    assert curve.step.tolist() == sorted({*range(2, 207, 2), 60, 120, 180, 207})
    validated = curve[curve.validation_score.notna()]
    assert validated.step.tolist() == [60, 120, 180, 207]
    assert read(folder)["score"] == validated.validation_score.max()
    assert validated.validation_loss.notna().all()
    assert curve.seconds.is_monotonic_increasing
    assert (curve.gradient_norm > 0).all()
    assert curve.train_loss.iloc[-20:].mean() < curve.train_loss.iloc[:20].mean()


def test_clipping_changes_the_step_and_not_the_norm_that_is_logged(registry: Registry, train: Train) -> None:
    free, clipped = (
        pd.read_parquet(train(make_cell(registry, optimiser={"clip": clip}), str(clip))[1] / "curve.parquet")
        for clip in (0.0, 1e-3)
    )
    assert free.gradient_norm[0] == clipped.gradient_norm[0] > 1e-2
    assert free.gradient_norm[5] != clipped.gradient_norm[5]


def test_a_loss_that_is_no_number_ends_the_cell_as_diverged(registry: Registry, train: Train) -> None:
    outcome, folder, _ = train(make_cell(registry, optimiser={"lr": 1e18, "clip": 0.0, "warmup": 0.0}))
    assert outcome.status == "diverged"
    assert "at step 2" in outcome.reason
    assert any(word in outcome.reason for word in ("nan", "inf"))
    assert not (folder / "predictions.parquet").exists()
    assert not (folder / "checkpoint.ckpt").exists()
    assert read(folder)["steps"] == 1
    assert read(folder)["score"] is None
    assert pd.read_parquet(folder / "curve.parquet").step.tolist() == [1]


def test_a_plugin_that_raises_stop_iteration_is_not_the_end_of_the_data(
    registry: Registry, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning began the epoch again, without an end."""
    called = 0

    def stop(*_: object) -> NoReturn:
        nonlocal called
        called += 1
        if called > 3:
            pytest.exit("it went on")
        raise StopIteration

    monkeypatch.setattr("posharness.training.training_step.TrainingModule._seed_dropout", stop)
    with pytest.raises(RuntimeError, match="StopIteration was raised"):
        train(make_cell(registry))


def test_patience_stops_training_and_tests_the_best_weights(registry: Registry, train: Train) -> None:
    hopeless = {"lr": 1e-30, "schedule": "constant"}
    cell = make_cell(registry, steps=100, validate_every=3, patience=4, optimiser=hopeless)
    _, folder, _ = train(cell)
    curve = pd.read_parquet(folder / "curve.parquet")
    assert read(folder)["steps"] == curve.step.max() == 3 * (1 + 4)

    worsening = {"lr": 0.5, "schedule": "constant", "clip": 0.0, "warmup": 0.0}
    cell = make_cell(registry, steps=40, validate_every=2, patience=5, optimiser=worsening)
    _, folder, _ = train(cell, "worsening")
    curve = pd.read_parquet(folder / "curve.parquet").dropna(subset="validation_score")
    task = registry.task(cell.task, cell.body)
    model = build_model(cell, registry, task)
    load_model(model, folder / "weights.safetensors")
    kept = score(model, validation_batch(cell, task), 1, ("validation", 3))[0]
    assert kept.accuracy == curve.validation_score.max() == read(folder)["score"]
    best = curve.validation_score.argmax()
    assert best < len(curve) - 1
    assert kept.loss == pytest.approx(curve.validation_loss.iloc[best])
    assert kept.loss != pytest.approx(curve.validation_loss.iloc[-1])


def test_training_learns_and_stops_once_every_objective_is_solved_twice_in_a_row(
    registry: Registry, train: Train
) -> None:
    every = {"steps": 300, "batch": 16, "validate_every": 20}
    _, folder, _ = train(make_cell(registry, **every, solved=0.3))
    stopped = pd.read_parquet(folder / "curve.parquet")
    _, folder, _ = train(make_cell(registry, **every), "whole")
    predictions = pd.read_parquet(folder / "predictions.parquet")
    near = predictions[(predictions.length == 17) & (predictions.dependency_length == 1)]
    assert near.correct.mean() > 0.6
    whole = pd.read_parquet(folder / "curve.parquet").dropna(subset="validation_score")
    solved = (whole.validation_score >= 0.3).to_list()
    pair = next(index for index in range(1, len(solved)) if solved[index - 1] and solved[index])
    assert 1 < pair < len(solved) - 1
    assert stopped.step.max() == whole.step.iloc[pair]
    same = [name for name in stopped if name != "seconds"]
    until = pd.read_parquet(folder / "curve.parquet")[: len(stopped)]
    pd.testing.assert_frame_equal(stopped[same], until[same], check_exact=True)
    assert make_cell(registry, **every).key != make_cell(registry, **every, solved=0.3).key


def test_lengths_beyond_the_encoding_are_not_tested(registry: Registry, train: Train) -> None:
    _, folder, _ = train(make_cell(registry, "short"))
    assert set(pd.read_parquet(folder / "predictions.parquet").length) == {17}
    assert read(folder)["undefined_lengths"] == [29]
    assert read(folder)["max_length"] == 20


def test_objectives_are_trained_and_tested_side_by_side(registry: Registry, train: Train) -> None:
    _, folder, _ = train(make_cell(registry, task="duties", steps=100))
    curve = pd.read_parquet(folder / "curve.parquet")
    assert curve.objective.tolist()[:2] == ["self", "first"]
    own, first = (curve[curve.objective == name] for name in ("self", "first"))
    assert own.train_loss.iloc[-1] < own.train_loss.iloc[0]
    assert first.train_loss.isna().all()
    frame = pd.read_parquet(folder / "predictions.parquet")
    assert (frame[frame.objective == "first"].position == 0).all()
    assert (frame[frame.objective == "self"].position > 0).all()
    assert set(frame[frame.objective == "first"].chance) == {0.25}
    assert set(frame.length) == {7, 13}
    assert set(frame.stratum) == {"even", "odd"}
    assert frame[frame.objective == "self"].correct.mean() > 0.9
    changed = pd.read_parquet(folder / "interventions.parquet")
    assert changed.groupby(["objective", "change"], observed=True).size().min() > 0
    followed = changed[changed.objective == "self"].groupby("change", observed=True).outcome
    assert (followed.apply(lambda outcome: (outcome == "followed").mean()) > 0.9).all()


def test_a_test_in_parts_gives_what_a_test_at_once_gives(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(registry, "absolute")
    task = registry.task(cell.task, cell.body)
    model = build_model(cell, registry, task)
    whole = run_test(cell, model, task).predictions
    ticks: list[int] = []
    monkeypatch.setattr("posharness.training.scoring._SCORES", 2 * 17**2)
    parts = run_test(cell, model, task, tick=ticks.append).predictions
    # As drawn, and with two interventions, at each of two lengths.
    assert ticks == 3 * [2, 2, 2, 1] + 3 * 7 * [1]
    pd.testing.assert_frame_equal(whole, parts, rtol=1e-5, atol=1e-6)


def test_news_of_progress_is_in_order_and_not_too_frequent(registry: Registry, train: Train) -> None:
    _, folder, news = train(make_cell(registry, steps=120))
    seconds = read(folder)["seconds"]
    training = [each for each in news if each.stage == "training"]
    evaluating = [each for each in news if each.stage == "evaluating"]
    assert news == training + evaluating
    assert [each.step for each in training] == sorted({each.step for each in training})
    assert (training[0].step, training[-1].step, training[-1].steps) == (1, 120, 120)
    assert training[0].score is None
    assert len(training) <= 3 + 4 * (seconds + 1)
    last = evaluating[-1]
    assert (last.step, last.steps) == (42, 42)  # as drawn, and with two interventions
    assert last.loss is not None
    assert math.isfinite(last.loss)
    assert last.score is not None
    assert {each.key for each in news} == {make_cell(registry, steps=120).key}


def test_training_says_nothing_on_the_console(
    registry: Registry, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    level = logging.getLogger("pytorch_lightning").level
    train(make_cell(registry))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("pytorch_lightning").level == level


def test_the_precision_is_that_of_training_steps(registry: Registry, train: Train) -> None:
    whole = make_cell(registry)
    mixed = whole.model_copy(update={"trainer": TrainerSettings(precision="bf16-mixed")})
    folders = [train(cell, cell.trainer.precision)[1] for cell in (whole, mixed)]
    losses = [pd.read_parquet(folder / "curve.parquet").train_loss.iloc[0] for folder in folders]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)
    weights = load_file(folders[1] / "weights.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    log_prob = torch.tensor(pd.read_parquet(folders[1] / "predictions.parquet").log_prob.to_numpy())
    assert not torch.equal(log_prob, log_prob.bfloat16().float())
