"""What a decoder emits free-running stands beside what it emits under teacher forcing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports.sections.pretraining import Pretraining
from posharness_reports.sections.pretraining import content as pretraining
from posharness_reports.study import Study, study
from posharness_reports.tables import accuracy as accuracy_tables

Simulate = Callable[..., Frames]
FREE = "copy (free-running)"


@pytest.fixture
def decoded(simulated: Simulate) -> Study:
    """A task that is trained on one objective and tested twice; free-running, nothing is right."""
    frames = simulated(labels=("relative", "learned"), tasks=("copy",))
    forced = frames.predictions.astype({"objective": str})
    free = forced.assign(decoding="free-running", correct=False)
    return study(Frames(frames.cells, pd.concat([forced, free], ignore_index=True), frames.curves))


def test_tables_name_both(decoded: Study) -> None:
    summary = accuracy_tables.summary(decoded).set_index(["task", "encoding"])
    assert set(summary.index.get_level_values("task")) == {"copy", "copy, free-running"}
    at = summary["at training length"]
    assert at["copy, free-running", "relative"].startswith("0.00")
    assert not at["copy", "relative"].startswith("0.00")


def test_where_an_encoding_is_undefined_both_say_so(decoded: Study) -> None:
    points, _ = decoded.by_length
    undefined = points[points["undefined"]]
    assert set(zip(undefined["objective"], undefined["label"], strict=True)) == {
        ("copy", "learned"),
        (FREE, "learned"),
    }
    assert np.isnan(undefined["accuracy"].astype(float)).all()


def test_it_is_no_second_objective_of_training(decoded: Study) -> None:
    assert pretraining.objectives(decoded, "copy") == ["copy"]
    assert Pretraining().build(decoded) is None
