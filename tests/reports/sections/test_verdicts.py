"""Verdicts follow from paired effects alone, each in its place, and too little is never called a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Claim, Frames
from posharness_reports.sections.claims import Claims
from posharness_reports.sections.claims import content as judged
from posharness_reports.sections.claims.verdicts import ClaimContrast, judge_claims
from posharness_reports.study import Study, study

Simulate = Callable[..., Frames]


class Given(Claim):
    """Values that a test gives."""

    name = "given"
    statement = "One is better than *two*."
    contrasts: ClassVar[Any] = (("one", "two"),)
    metric = "what the test says"

    def __init__(self, values: Mapping[tuple[str, str, int], float], reasons: Mapping[Any, str] = {}) -> None:
        self.rows = [(*key, value, "") for key, value in values.items()]
        self.rows += [(*key, -1, np.nan, why) for key, why in reasons.items()]

    def measure(self, frames: Frames) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=["task", "label", "seed", "value", "reason"])


def setting(claim: Claim, labels: tuple[str, ...] = ("one", "two")) -> Study:
    cells = pd.DataFrame(
        [
            {
                "cell": label,
                "label": label,
                "encoding": label.partition("[")[0],
                "attention": "additive" if "+" in label else "softmax",
                "task": "t",
                "seed": 0,
                "status": "done",
            }
            for label in labels
        ]
    )
    return study(Frames(cells, pd.DataFrame(), pd.DataFrame()), (claim,))


def effects(by_task: Mapping[str, list[float]]) -> dict[tuple[str, str, int], float]:
    """One's values and two's, whose differences these are; what both have in common tells nothing."""
    values = {}
    for task, own in by_task.items():
        for seed, effect in enumerate(own):
            common = 0.1 * seed
            values |= {(task, "one", seed): common + effect, (task, "two", seed): common}
    return values


def verdict(by_task: Mapping[str, list[float]]) -> ClaimContrast:
    (found,) = judge_claims(setting(Given(effects(by_task))))
    return found


@pytest.mark.parametrize(
    ("by_task", "outcome"),
    [
        ({"a": [0.3, 0.4, 0.35], "b": [0.1, 0.2, 0.15]}, "borne out"),
        ({"a": [-0.3, -0.4, -0.35], "b": [-0.1, -0.2, -0.15]}, "contradicted"),
        ({"a": [0.01, -0.01, 0.02], "b": [0.0, 0.01, -0.02]}, "no difference that matters"),
        ({"a": [0.06, 0.01, 0.1], "b": [0.02, 0.09, 0.05]}, "undecided"),
        # Five runs can reach no p of .05, and one seed a task has no interval.
        ({"a": [0.3, 0.4, 0.35], "b": [0.3, 0.4]}, "undecided"),
        ({"a": [0.0, 0.0, 0.0], "b": [0.0, 0.0]}, "undecided"),
        ({name: [0.4] for name in "abcdefgh"}, "undecided"),
        # A mean of two tasks that say the opposite, however sure each is.
        ({"a": [0.9, 0.92, 0.91], "b": [-0.5, -0.52, -0.51]}, "undecided"),
        ({}, "not measured"),
    ],
)
def test_each_outcome(by_task: Mapping[str, list[float]], outcome: str) -> None:
    assert verdict(by_task).outcome == outcome


def test_runs_are_paired_by_task_and_seed_and_tasks_count_alike() -> None:
    values = effects({"a": [0.2, 0.4], "b": [0.0, 0.0, 0.0, 0.0]}) | {
        ("a", "one", 7): 0.9,
        ("c", "two", 0): 0.9,
    }
    (found,) = judge_claims(setting(Given(values, {("d", "two"): "undefined"})))
    assert found.runs[["task", "seed"]].to_numpy().tolist() == [
        *(["a", seed] for seed in range(2)),
        *(["b", seed] for seed in range(4)),
    ]
    assert found.mean == pytest.approx(0.15)
    assert found.by_task.to_dict() == pytest.approx({"a": 0.3, "b": 0.0})
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.2)
    assert found.left_out == {"c": "one not measured", "d": "one not measured, two undefined"}


def test_variants_are_contrasts_of_their_own_with_the_same_attention_only() -> None:
    labels = ("one", "one[k=2]", "two", "two+additive", "three")
    values = {("a", label, 0): 0.5 for label in labels}
    found = judge_claims(setting(Given(values), labels))
    assert [(each.better, each.other) for each in found] == [("one", "two"), ("one[k=2]", "two")]


def test_p_is_corrected_for_the_contrasts_of_the_claim_and_not_of_others() -> None:
    labels = ("one", "one[k=2]", "two")
    values = effects({"a": [0.3, 0.4, 0.35], "b": [0.1, 0.2, 0.15]})
    values |= {
        (task, "one[k=2]", seed): value for (task, label, seed), value in values.items() if label == "one"
    }
    alone = setting(Given(values), labels)
    assert [each.p for each in judge_claims(alone)] == pytest.approx([2 * 2 / 2**6] * 2)
    beside = replace(alone, claims=(Given(values), Given(values), Given(values)))
    assert [each.p for each in judge_claims(beside)] == pytest.approx([2 * 2 / 2**6] * 6)


def test_words_and_tables_say_what_was_found_and_what_was_left_out() -> None:
    claim = Given(effects({"a": [0.3, 0.4, 0.35], "b": [0.1, 0.2, 0.15]}), {("c", "two"): "not learned"})
    found = judge_claims(setting(claim))
    text = judged.prose((claim,), found)
    assert "**One is better than \\*two\\*.** Metric: what the test says" in text
    assert (
        "- one against two: **borne out**, +0.25 [+0.22, +0.28] in 2 tasks (one is better in 2), "
        "6 paired runs" in text
    )
    assert "without c (see the tables)" in text
    tables = judged.tables(found)
    (row,) = tables["Verdicts"].to_dict("records")
    assert (row["verdict"], row["better in"], row["paired runs"]) == ("borne out", "2 of 2 tasks", 6)
    assert tables["Effects by task"]["effect"].tolist() == pytest.approx([0.35, 0.15])
    assert tables["Tasks left out"].to_dict("records") == [
        {
            "claim": "given",
            "contrast": "one against two",
            "task": "c",
            "reason": "one not measured, two not learned",
        }
    ]


def test_what_cannot_be_judged_is_said() -> None:
    unlike = Given({})
    other = Given(effects({"a": [0.1]}))
    unlike.contrasts = (("one", "four"),)
    found = judge_claims(replace(setting(other), claims=(unlike, other)))
    text = judged.prose((unlike, other), found)
    assert "- not measured: there are no runs of both one and four" in text
    assert "**undecided** (fewer than 6 paired runs), +0.10 in 1 task (one is better in 1)" in text
    silent = Given({}, {("c", "two"): "not learned", ("d", "two"): "not learned"})
    text = judged.prose((silent,), judge_claims(setting(silent)))
    assert "- one against two: not measured (2 tasks: one not measured, two not learned)" in text


def test_the_section_is_there_when_something_was_judged(simulated: Simulate) -> None:
    assert Claims().build(setting(Given({}))) is None
    assert Claims().build(simulated()) is None
    section = Claims().build(setting(Given(effects({"a": [0.3, 0.4, 0.35], "b": [0.1, 0.2, 0.15]}))))
    assert section is not None
    assert list(section.tables) == ["Verdicts", "Effects by task"]
    (figure,) = section.figures.values()
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "One is better than *two*."
    assert [text.get_text() for text in axes.get_yticklabels()] == ["one − two"]
