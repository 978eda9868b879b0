"""The section about sources: shares counted by hand, and none without interventions."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from posharness.conformance.sample_frames import sample_frames
from posharness.contracts import Frames, Section
from posharness_reports.data.grouping import matching
from posharness_reports.sections.source import DependsOnItsSource
from posharness_reports.study import study
from posharness_reports.tables.accuracy import summary

OUTCOMES = {"followed": 6, "kept": 3, "broke": 1}


@pytest.fixture
def frames() -> Frames:
    """Of ten answers at each distance six follow, three are kept, and one breaks, whatever is changed."""
    found = sample_frames()
    rows = found.interventions
    ten = [name for name, n in OUTCOMES.items() for _ in range(n)]
    kept = rows[
        rows.groupby(["cell", "length", "change", "dependency_length"], observed=True).cumcount() < 10
    ]
    order = kept.groupby(["cell", "length", "change", "dependency_length"], observed=True).cumcount()
    return replace(found, interventions=kept.assign(outcome=pd.Categorical([ten[i] for i in order])))


def test_shares_are_counted_by_distance_and_over_all(frames: Frames) -> None:
    found = study(frames).outcomes
    source = matching(found.points, change="source", scope="at the training length")
    assert set(source["bucket"]) == {"1", "2", "4", "8"}
    means = source.groupby("outcome")["share"].agg(["min", "max"]).to_dict("index")
    assert means == {name: {"min": n / 10, "max": n / 10} for name, n in OUTCOMES.items()}
    assert (source["predictions"] == 20).all()
    assert ((source["low"] < source["share"]) & (source["share"] < source["high"])).all()
    unchanged = matching(found.overall, change="others", outcome="unchanged")
    assert unchanged["share"].tolist() == pytest.approx([0.9] * 4)  # two labels, two scopes
    assert set(found.points["scope"]) == {"at the training length", "beyond the training length"}


def test_the_section_shows_them(frames: Frames) -> None:
    section = DependsOnItsSource().build(frames)
    assert isinstance(section, Section)
    assert section.title == "Does it depend on its source?"
    overall = section.tables["Answers after a change, over all distances"]
    assert list(overall.columns) == [
        *("task", "sequences", "encoding"),
        *("followed (source)", "kept (source)", "broke (source)", "unchanged (others)"),
    ]
    assert overall["followed (source)"].str.startswith("0.60").all()
    assert len(section.figures) == 1


def test_the_summary_has_what_follows_and_what_stays(frames: Frames) -> None:
    table = summary(study(frames))
    assert table["follows its source"].tolist() == ["0.60", "0.60"]
    assert table["unchanged by others"].tolist() == ["0.90", "0.90"]
    without = summary(study(replace(frames, interventions=pd.DataFrame())))
    assert without["follows its source"].tolist() == ["–", "–"]


def test_there_is_no_section_without_interventions(frames: Frames) -> None:
    assert DependsOnItsSource().build(replace(frames, interventions=pd.DataFrame())) is None


def test_free_running_answers_are_separate(frames: Frames) -> None:
    rows = frames.interventions
    twice = pd.concat([rows, rows.assign(decoding="free-running", outcome="broke")], ignore_index=True)
    found = study(replace(frames, interventions=twice)).outcomes.overall
    forced, free = (
        found[(found["objective"] == name) & (found["outcome"] == "followed")]["share"].tolist()
        for name in ("recall", "recall (free-running)")
    )
    assert (set(forced), set(free)) == ({0.6}, {0.0})
