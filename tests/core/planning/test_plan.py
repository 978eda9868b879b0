"""An experiment becomes cells; what cannot work is known before anything trains."""

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry

PLUGINS = """
import torch
from posharness.contracts import Attention, Batch, Incompatible, Objective, PositionalEncoding, Task, hookimpl

class Causal(PositionalEncoding):
    name = "causal-only"
    directions = frozenset({"causal"})

class Picky(PositionalEncoding):
    name = "picky"
    def __init__(self, geometry):
        raise Incompatible("picky works nowhere")

class Buggy(PositionalEncoding):
    name = "buggy"
    def __init__(self, geometry):
        raise ZeroDivisionError

class Deaf(Attention):
    name = "deaf"
    def forward(self, q, k, v, mask, slots):
        return v

class Echo(Task):
    name = "echo"
    bodies = ("encoder", "decoder")
    def __init__(self, body, *, length: int = 5):
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = length, (length,), 3
        self.objectives = (Objective("echo", 3, 1 / 3),)
    def prepare(self, cache):
        (cache / "prepared").write_text("")
    def fingerprint(self):
        return "data of echo"
    def sample(self, generator, n, length, split):
        tokens = torch.randint(3, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens))

@hookimpl
def posharness_encodings():
    return [Causal, Picky, Buggy]

@hookimpl
def posharness_attentions():
    return [Deaf]

@hookimpl
def posharness_tasks():
    return [Echo]
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    path = tmp_path / "mine.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


def cells(registry: Registry, tmp_path: Path, **overrides: Any) -> list[Cell]:
    given = {"tasks": ["echo"], "seeds": 1, **overrides}
    return plan(load_experiment(preset="smoke", overrides=given), registry, tmp_path)


def test_encodings_times_tasks_times_bodies_times_seeds(registry: Registry, tmp_path: Path) -> None:
    found = cells(
        registry,
        tmp_path,
        plugins=["rope", "alibi,rope"],
        tasks=["echo[length=5|7]"],
        bodies=["encoder", "decoder"],
        seeds=[3, 4],
    )
    assert len(found) == len({cell.key for cell in found}) == 2 * 2 * 2 * 2
    assert [cell.seed for cell in found] == [3] * 8 + [4] * 8
    assert {cell.data for cell in found} == {"data of echo"}
    assert (tmp_path / "prepared").exists()
    assert not any(cell.skip for cell in found)


def test_the_body_bert_is_an_encoder_of_its_shape(registry: Registry, tmp_path: Path) -> None:
    plain, bert, decoder = cells(registry, tmp_path, plugins=["rope"], bodies=["encoder", "bert", "decoder"])
    assert (plain.body, bert.body) == ("encoder", "encoder")
    assert [cell.body_name for cell in (plain, bert, decoder)] == ["encoder", "bert", "decoder"]
    assert (bert.model.norm, bert.model.scale_embedding) == ("post", False)
    assert bert.model.like_bert() == bert.model == plain.model.like_bert() != plain.model
    assert plain.key != bert.key
    assert str(bert) == "rope on echo, bert, seed 0"
    own = {"echo": {"bodies": ["bert"], "params": {"length": 7}}}
    assert [cell.body_name for cell in cells(registry, tmp_path, plugins=["rope"], task=own)] == ["bert"]


def test_settings_of_a_task_reach_its_cells(registry: Registry, tmp_path: Path) -> None:
    own = {"echo": {"params": {"length": 11}, "budget": {"steps": 7}, "optimiser": {"lr": 0.5}}}
    own["echo"]["trainer"] = {"threads": 2}
    general = {"budget": {"batch": 3}, "trainer": {"precision": "bf16-mixed"}}
    [cell] = cells(registry, tmp_path, plugins=["rope"], task=own, **general)
    assert (cell.trainer.precision, cell.trainer.threads) == ("bf16-mixed", 2)
    assert cell.task.params == {"length": 11}
    assert (cell.budget.steps, cell.budget.batch, cell.optimiser.lr) == (7, 3, 0.5)


def test_a_batch_that_cannot_be_divided_is_refused(registry: Registry, tmp_path: Path) -> None:
    general = {"budget": {"batch": 5}, "trainer": {"devices": 3, "accumulate": 2}}
    with pytest.raises(UserError, match=r"A batch of 5 cannot be divided into 3 \(trainer.devices\) times 2"):
        cells(registry, tmp_path, plugins=["rope"], **general)
    general["trainer"] = {"devices": 3, "num_nodes": 2}
    with pytest.raises(UserError, match=r"into 2 \(trainer.num_nodes\) times 3 \(trainer.devices\)"):
        cells(registry, tmp_path, plugins=["rope"], **general)


def test_attentions_alone_meet_the_default_encoding(registry: Registry, tmp_path: Path) -> None:
    softmax, deaf = cells(registry, tmp_path, plugins=["softmax,deaf"])
    assert {softmax.encoding.name, deaf.encoding.name} == {"absolute"}
    assert softmax.label == "absolute"
    assert deaf.label == "absolute · deaf"


@pytest.mark.parametrize(
    ("plugins", "bodies", "reason"),
    [
        (["causal-only"], ["encoder"], "causal-only is not defined for bidirectional attention"),
        (["picky"], ["encoder"], "picky works nowhere"),
        (["relative", "deaf"], ["encoder"], "deaf attention does not honour relative's scores and values"),
        (["rope"], ["encoder-decoder"], "echo is not defined for the body 'encoder-decoder'"),
    ],
)
def test_what_cannot_work_is_skipped_with_its_reason(
    registry: Registry, tmp_path: Path, plugins: list[str], bodies: list[str], reason: str
) -> None:
    [cell] = cells(registry, tmp_path, plugins=plugins, bodies=bodies)
    assert cell.skip == reason


def test_heads_that_do_not_share_the_width_are_a_reason(registry: Registry, tmp_path: Path) -> None:
    [cell] = cells(registry, tmp_path, plugins=["rope"], model={"width": 10, "heads": 4})
    assert cell.skip == "width 10 is not divisible by 4 heads"


def test_a_constructor_that_breaks_is_left_to_fail_as_a_cell(registry: Registry, tmp_path: Path) -> None:
    [cell] = cells(registry, tmp_path, plugins=["buggy"])
    assert not cell.skip


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"plugins": ["rop"]}, "--plugins: unknown encoding or attention 'rop'; did you mean 'rope'"),
        ({"plugins": []}, "give --plugins"),
        ({"plugins": ["rope"], "tasks": ["ecko"]}, "--tasks: unknown task 'ecko'; did you mean 'echo'"),
        ({"plugins": ["rope"], "tasks": ["echo[size=3]"]}, "echo has no parameter 'size'"),
        ({"plugins": ["rope"], "task": {"ecko": {}}}, r"\[task.ecko\]: unknown task; did you mean 'echo'"),
        ({"plugins": ["relative[clip=0]"]}, "clip must be 1 or more"),
    ],
)
def test_a_slip_is_one_sentence(
    registry: Registry, tmp_path: Path, overrides: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        cells(registry, tmp_path, **overrides)
