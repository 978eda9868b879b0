"""What each encoding was given: tuned settings are settings, trials are in no comparison, costs are equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports.measures.equal_cost import at_equal_cost
from posharness_reports.sections.fairness import Fairness
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def _with(frames: Frames, stage: Callable[[Any], str], lr: Callable[[Any], float], *, tuned: bool) -> Frames:
    """Frames whose cells have these stages and learning rates."""
    cells = frames.cells.copy()
    rows = list(cells.itertuples())
    rates = [lr(row) for row in rows]
    cells["stage"] = [stage(row) for row in rows]
    cells["settings"] = [{**row.settings, "lr": rate} for row, rate in zip(rows, rates, strict=True)]
    cells["tuned"] = [{"lr": rate} if tuned else {} for rate in rates]
    return replace(frames, cells=cells)


def _rate(row: Any) -> float:
    if row.seed >= 2:
        return 0.001 if row.seed == 2 else 0.003
    return 0.001 if row.label == "relative" else 0.003


@pytest.fixture
def tuned(simulated: Simulate) -> Frames:
    """Two final runs of two labels, each at a rate of its own, and two trials of each."""
    frames = simulated(seeds=4, tasks=("copy",))
    return _with(frames, lambda row: "tuning" if row.seed >= 2 else "", _rate, tuned=True)


def test_tuned_settings_do_not_make_other_tasks(tuned: Frames, simulated: Simulate) -> None:
    assert set(study(tuned).cells["task"]) == {"copy"}
    untuned = _with(simulated(seeds=2, tasks=("copy",)), lambda row: "", _rate, tuned=False)
    assert set(study(untuned).cells["task"]) == {"copy (lr=0.001)", "copy (lr=0.003)"}


def test_trials_are_in_no_frame_and_no_comparison(tuned: Frames) -> None:
    ready = study(tuned)
    assert set(ready.cells["seed"]) == {0, 1}
    for frame in (ready.predictions, ready.curves):
        assert set(frame["seed"]) == {0, 1}
    assert len(ready.trials) == 4
    assert len(ready.trained.trials) == 4
    assert any("tuned" in sentence for sentence in caveats(ready))


def test_the_table_says_what_was_tried_and_chosen_with_an_equal_budget(tuned: Frames) -> None:
    section = Fairness().build(study(tuned))
    assert section is not None
    given = section.tables["What each encoding was given"].set_index("encoding")
    assert given["tuning runs"].to_dict() == {"relative": 2, "absolute": 2}
    assert given["tuned settings"].to_dict() == {"relative": "lr=0.001", "absolute": "lr=0.003"}
    tried = section.tables["Settings that were tried, and chosen"].set_index(["encoding", "setting"])
    assert tried["chosen"].to_dict() == {
        ("relative", "lr=0.001"): "yes",
        ("relative", "lr=0.003"): "",
        ("absolute", "lr=0.001"): "",
        ("absolute", "lr=0.003"): "yes",
    }
    assert "seeds of their own" in section.prose


def test_without_tuning_there_is_no_table_of_it(simulated: Simulate) -> None:
    section = Fairness().build(study(simulated(tasks=("copy",))))
    assert section is not None
    assert list(section.tables) == ["What each encoding was given"]
    assert "tuned" not in section.prose
    assert Fairness().build(study(simulated(default="skipped", tasks=("copy",)))) is None


def test_accuracy_at_equal_time_is_that_within_the_time_of_the_quickest() -> None:
    cells = pd.DataFrame(
        {
            "cell": ["a", "b"],
            "label": ["quick", "slow"],
            "task": "t",
            "status": "done",
            "steps": [30.0, 40.0],
            "step_ms": [1000.0, 2000.0],
        }
    )
    curves = pd.DataFrame(
        [
            (cell, label, step, step / 100)
            for cell, label in (("a", "quick"), ("b", "slow"))
            for step in (10, 20, 30)
        ],
        columns=["cell", "label", "step", "validation_score"],
    ).assign(task="t", objective="o")
    found = at_equal_cost(Frames(cells, pd.DataFrame(), curves)).set_index("label")
    # 30 steps, and 30 seconds: the slow one makes 15 steps in that time, and was validated after 10.
    assert found["at_steps"].to_dict() == {"quick": 0.3, "slow": 0.3}
    assert found["at_seconds"].to_dict() == {"quick": 0.3, "slow": 0.1}
