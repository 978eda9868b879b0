"""What is read off a trained model equals the formulas that it was built from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posharness.contracts.cell import Budget, Cell, ModelSettings
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import parse
from posharness.training.mechanism import mechanism

N = 7


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def read(registry: Registry, encoding: str, attention: str, body: Any, width: int = 24) -> Any:
    chosen = [
        registry.select(catalogue, parse(text)[0])
        for catalogue, text in (
            (registry.encodings, encoding),
            (registry.attentions, attention),
            (registry.tasks, f"offset_recall[length={N},symbols=3,offsets=[1,2]]"),
        )
    ]
    cell = Cell(
        encoding=chosen[0],
        attention=chosen[1],
        body=body,
        task=chosen[2],
        model=ModelSettings(width=width, heads=4, layers=2),
        budget=Budget(test_sequences=5),
    )
    task = registry.task(cell.task, body)
    task.prepare(Path())
    return mechanism(cell, build_model(cell, registry, task), task)


def test_a_bias_is_read_back_as_it_is(registry: Registry) -> None:
    frame = read(registry, "alibi", "softmax", "decoder")
    assert sorted(frame["distance"].unique()) == list(range(1 - N, 1))
    slope = np.array([2.0 ** (-8 * (head + 1) / 4) for head in range(4)])[frame["head"]]
    np.testing.assert_allclose(frame["effect"], slope * frame["distance"], atol=1e-6)
    assert set(frame["layer"]) == {0, 1}


@pytest.mark.parametrize("attention", ["softmax", "twice_scaled", "stick_breaking", "linear"])
def test_weights_of_a_query_sum_up_to_no_more_than_one(registry: Registry, attention: str) -> None:
    frame = read(registry, "none", attention, "decoder")
    # A mean over n − |distance| pairs each; summed over all pairs they are the mass of n queries.
    mass = (frame["weight"] * (N + frame["distance"])).groupby([frame["layer"], frame["head"]]).sum()
    assert (mass <= N + 1e-4).all()
    assert (mass > 0).all()
    if attention == "softmax":
        np.testing.assert_allclose(mass, N, rtol=1e-5)
    assert frame["effect"].isna().all()


def test_what_is_no_weighted_sum_has_no_weights(registry: Registry) -> None:
    frame = read(registry, "alibi", "differential", "decoder", width=16)
    assert frame["weight"].isna().all()
    assert frame["effect"].notna().all()


def test_rotation_changes_scores_by_distance(registry: Registry) -> None:
    frame = read(registry, "rope", "softmax", "encoder")
    assert sorted(frame["distance"].unique()) == list(range(1 - N, N))
    here = frame[frame["distance"] == 0]
    np.testing.assert_allclose(here["effect"], 0.0, atol=1e-6)
    assert frame["effect"].abs().max() > 1e-4


def test_an_encoding_of_the_embeddings_has_no_effect_of_its_own(registry: Registry) -> None:
    frame = read(registry, "absolute", "softmax", "encoder")
    assert frame["effect"].isna().all()
    assert frame["weight"].notna().all()
