"""An encoder-decoder is planned with two attentions, and skipped where either cannot do its part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.cell import Cell, Choice
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry

PLUGINS = """
import torch
from posharness.contracts import Attention, Incompatible, PositionalEncoding, hookimpl

class Forward(PositionalEncoding):
    name = "forward-only"
    directions = frozenset({"causal"})

class Both(PositionalEncoding):
    name = "both-only"
    directions = frozenset({"bidirectional"})

class Short(PositionalEncoding):
    name = "short-memory"
    def __init__(self, geometry):
        if geometry.length > 20:
            raise Incompatible(f"short-memory cannot hold {geometry.length} tokens")
        super().__init__(geometry)

class Plain(Attention):
    name = "plain"
    def forward(self, q, k, v, mask, slots):
        return q

class Inward(Plain):
    name = "inward"
    supports_cross_attention = False

class Ordered(Plain):
    name = "ordered"
    directions = frozenset({"causal"})

@hookimpl
def posharness_encodings():
    return [Forward, Both, Short]

@hookimpl
def posharness_attentions():
    return [Plain, Inward, Ordered]
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    path = tmp_path / "mine.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


def cells(registry: Registry, tmp_path: Path, *plugins: str, **overrides: Any) -> list[Cell]:
    given = {"tasks": ["translate"], "seeds": 1, "plugins": list(plugins), **overrides}
    return plan(load_experiment(preset="smoke", overrides=given), registry, tmp_path)


def test_attentions_are_compared_across_from_decoder_to_encoder(registry: Registry, tmp_path: Path) -> None:
    additive, softmax = cells(registry, tmp_path, "additive,softmax")
    assert (additive.label, softmax.label) == ("absolute · additive", "absolute")
    assert (additive.attention.name, softmax.attention.name) == ("additive", "softmax")
    for cell in (additive, softmax):
        assert cell.self_attention is not None
        assert cell.self_attention.name == "softmax"
        assert (cell.body, cell.skip) == ("encoder-decoder", "")


def test_the_experiments_attention_serves_inside_the_stacks(registry: Registry, tmp_path: Path) -> None:
    [cell] = cells(registry, tmp_path, "additive", attention="inward", encoding="none")
    assert cell.self_attention is not None
    assert (cell.self_attention.name, cell.attention.name, cell.skip) == ("inward", "additive", "")
    # Additive attention honours no rotation, and meets none: the encoding acts inside the stacks.
    [cell] = cells(registry, tmp_path, "rope", "additive")
    assert cell.skip == ""


@pytest.mark.parametrize(
    ("plugins", "attention", "reason"),
    [
        (["forward-only"], "softmax", "forward-only is not defined for bidirectional attention"),
        (["both-only"], "softmax", "both-only is not defined for causal attention"),
        (["short-memory"], "softmax", "short-memory cannot hold 32 tokens"),
        (["relative"], "plain", "plain attention does not honour relative's scores and values"),
        (["none", "softmax"], "ordered", "ordered is not defined for bidirectional attention"),
        (["none", "inward"], "softmax", "inward attention cannot read one sequence from another"),
        (["none", "ordered"], "softmax", "ordered is not defined for bidirectional attention"),
        (["stick_breaking"], "softmax", "stick_breaking attention cannot read one sequence from another"),
        (["sliding_window"], "softmax", "sliding_window attention cannot read one sequence from another"),
    ],
)
def test_what_cannot_work_is_skipped_with_its_reason(
    registry: Registry, tmp_path: Path, plugins: list[str], attention: str, reason: str
) -> None:
    [cell] = cells(registry, tmp_path, *plugins, attention=attention)
    assert cell.skip == reason


def test_bodies_of_one_stack_have_one_attention_and_the_keys_they_had(
    registry: Registry, tmp_path: Path
) -> None:
    [cell] = cells(registry, tmp_path, "additive", tasks=["copy"])
    assert cell.self_attention is None
    assert "self_attention" not in cell.identity()
    assert "self_attention" not in cell.settings


def test_the_attention_inside_tells_cells_apart(registry: Registry, tmp_path: Path) -> None:
    [one] = cells(registry, tmp_path, "softmax")
    [other] = cells(registry, tmp_path, "softmax", attention="differential")
    assert one.key != other.key
    assert one.settings["self_attention"] == "softmax"
    assert other.settings["self_attention"] == "differential"
    assert one.self_attention is not None
    edited = one.model_copy(update={"self_attention": Choice(name="softmax", digest="other")})
    assert edited.key != one.key
    assert edited.version != one.version
    relabelled = one.self_attention.model_copy(update={"label": "other"})
    assert one.model_copy(update={"self_attention": relabelled}).key == one.key
    assert Cell.model_validate_json(one.model_dump_json()) == one
