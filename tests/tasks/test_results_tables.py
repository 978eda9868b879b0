"""The tables of docs/results that are made from one task's store, and from the data of a report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ..benchmarks import one_task_table, verdicts_table


def test_tokens_sequences_and_distances_are_counted_by_run() -> None:
    rows = pd.DataFrame(
        [
            ("rope", seed, "teacher-forced", 8, sequence, distance, float(right))
            for seed, answers in enumerate([(1, 1, 1, 0), (1, 1, 1, 1)])
            for sequence, distance, right in zip((0, 0, 1, 1), (1, 4, 1, 4), answers, strict=True)
        ],
        columns=["label", "seed", "decoding", "length", "sequence", "dependency_length", "correct"],
    )
    runs = one_task_table.summary(rows)
    assert runs["tokens"].tolist() == [0.75, 1.0]
    assert runs["sequences"].tolist() == [0.5, 1.0]
    near = one_task_table.by_distance(rows)
    assert near.columns.tolist() == [(8, 1, 1), (8, 4, 4)]
    assert near.loc["rope"].tolist() == [1.0, 0.75]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The data of a report on two encodings: alike on one task, told apart on another."""
    (tmp_path / "data").mkdir()
    ranked = {"runs": 3, "mean": 0.5, "low_95": 0.4, "high_95": 0.6, "scope": "at the training length"}
    frames = {
        "verdicts": [
            {
                "claim": "other-lengths",
                "better": "rope",
                "other": "absolute",
                "runs": 3,
                "other_runs": 2,
                "decoding": "teacher-forced",
                "verdict": "borne out",
                "effect": 0.4,
                "low_95": 0.3,
                "high_95": 0.5,
            }
        ],
        "ranking": [
            {
                **ranked,
                "task": task,
                "objective": "copy",
                "label": label,
                "best_rank": best,
                "worst_rank": worst,
            }
            for task, places in {"": ((1, 1), (2, 2)), "a": ((1, 2), (1, 2)), "b": ((1, 1), (2, 2))}.items()
            for label, (best, worst) in zip(("rope", "absolute"), places, strict=True)
        ],
        "reach": [
            {
                "task": "a",
                "objective": "copy",
                "label": label,
                "scope": scope,
                "shortest": 2,
                "longest": 16,
                "reach": reach,
                "low_95": low,
                "high_95": 16.0,
            }
            for label, scope, reach, low in (
                ("rope", "at the training length", 16.0, 16.0),
                ("absolute", "at the training length", 5.0, 0.0),
                ("absolute", "beyond the training length", 0.0, 0.0),
            )
        ],
    }
    for name, rows in frames.items():
        pd.DataFrame(rows).to_parquet(tmp_path / "data" / f"{name}.parquet")
    return tmp_path


def test_the_tables_of_a_report_say_what_its_data_say(report: Path) -> None:
    made = verdicts_table.parts(report)
    said = made["verdicts"].splitlines()[-1]
    assert "| rope against absolute | teacher-forced | **borne out** | 0.40 [0.30, 0.50] | 3 and 2 |" in said
    assert made["ranking"].splitlines()[2] == (
        "| copy | at the training length | rope | 1 | 0.50 [0.40, 0.60] | 3 |"
    )
    assert made["ranks"].startswith("1 of 2 rankings on one task tell encodings apart.")
    assert made["ranks"].splitlines()[-1] == "| b | copy | at the training length | 2 | 1 |"
    assert made["reach"].splitlines()[-1] == "| a | copy | 5 [< 2, ≥ 16] | ≥ 16 |"
