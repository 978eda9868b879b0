"""A cell's key stands for everything that can change its result, and for nothing else."""

from typing import Any

import pytest

from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings, OptimiserSettings, TrainerSettings

BASE = Cell(
    encoding=Choice(name="e", params={"clip": 3}, digest="1", label="e"),
    attention=Choice(name="a", digest="2"),
    body="encoder",
    task=Choice(name="t", digest="3", label="t"),
)


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": Choice(name="e", params={"clip": 4}, digest="1")},
        {"encoding": Choice(name="e", params={"clip": 3}, digest="other")},
        {"attention": Choice(name="b", digest="2")},
        {"body": "decoder"},
        {"task": Choice(name="t", params={"length": 3}, digest="3")},
        {"model": ModelSettings(width=32)},
        {"budget": Budget(steps=3)},
        {"optimiser": OptimiserSettings(lr=0.5)},
        {"trainer": TrainerSettings(precision="bf16-mixed")},
        {"trainer": TrainerSettings(threads=2)},
        {"trainer": TrainerSettings(devices=2)},
        {"trainer": TrainerSettings(num_nodes=2)},
        {"trainer": TrainerSettings(accumulate=2)},
        {"trainer": TrainerSettings(compile=True)},
        {"seed": 1},
        {"data": "other"},
        {"results_version": 0},
    ],
)
def test_what_changes_a_result_changes_the_key(change: dict[str, Any]) -> None:
    assert BASE.model_copy(update=change).key != BASE.key


def test_what_does_not_change_a_result_does_not() -> None:
    assert BASE.model_copy(update={"skip": "a reason"}).key == BASE.key
    assert (
        BASE.model_copy(update={"encoding": BASE.encoding.model_copy(update={"label": "x"})}).key == BASE.key
    )


def test_settings_of_the_trainer_that_came_later_leave_older_keys_as_they_are() -> None:
    assert BASE.identity()["trainer"] == {"precision": "32-true", "threads": 1}
    unkeyed = TrainerSettings(accelerator="cpu", strategy="fsdp", checkpoint_every=9.0, data_workers=2)
    assert BASE.model_copy(update={"trainer": unkeyed}).key == BASE.key
    two = [TrainerSettings(devices=2, strategy=strategy) for strategy in ("ddp", "fsdp")]
    two += [trainer.model_copy(update={"devices": 1, "num_nodes": 2}) for trainer in two]
    assert len({BASE.model_copy(update={"trainer": trainer}).key for trainer in two}) == 4


def test_a_cell_survives_json() -> None:
    nested = BASE.model_copy(
        update={"encoding": Choice(name="w", params={"base": BASE.encoding}, digest="4", label="w")}
    )
    assert Cell.model_validate_json(nested.model_dump_json()) == nested
    assert Cell.model_validate_json(nested.model_dump_json()).key == nested.key


def test_the_attention_that_goes_without_saying_is_left_out_of_the_label() -> None:
    assert BASE.label == "e"
    assert BASE.model_copy(update={"attention": Choice(name="a", digest="2", label="a")}).label == "e · a"


def test_settings_and_source_tell_unlike_cells_apart() -> None:
    longer = BASE.model_copy(update={"budget": Budget(steps=3)})
    assert longer.settings["steps"] == 3
    assert longer.version == BASE.version
    edited = Choice(name="w", params={"base": BASE.encoding.model_copy(update={"digest": "x"})}, digest="4")
    wrapped = Choice(name="w", params={"base": BASE.encoding}, digest="4")
    sources = [BASE.model_copy(update={"encoding": choice}).version for choice in (wrapped, edited)]
    assert len({*sources, BASE.version}) == 3
