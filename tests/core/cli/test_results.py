"""The results in the terminal: which predictions each number stands for."""

import io

import pandas as pd
import pytest
from rich.console import Console

from posharness.cli.results import columns, print_results
from posharness.contracts.cell import Cell, Choice
from posharness.results import Results


def predictions(cell: str, rows: list[tuple[str, str, int, int, bool]]) -> pd.DataFrame:
    """Rows of (split, objective, length, dependency_length, correct), as a store gives them."""
    frame = pd.DataFrame(rows, columns=["split", "objective", "length", "dependency_length", "correct"])
    frame.insert(0, "cell", cell)
    frame = frame.assign(chance=0.25, decoding="teacher-forced", condition="")
    return frame.astype({"cell": "category", "split": "category", "objective": "category"})


def accuracies(frame: pd.DataFrame, length: int) -> dict[str, dict[str, float]]:
    found = columns(frame, pd.Series([length]))
    return {column.heading: column.accuracy for column in found}


def test_inside_far_and_longest_are_told_apart() -> None:
    near = [("test", "recall", 32, d, True) for d in (1, 2, 4, 8) for _ in range(10)]
    far = [("test", "recall", 32, 16, i < 3) for i in range(10)]
    longer = [("test", "recall", 64, 16, False)] * 10
    unseen = [("validation", "recall", 32, 16, True)] * 10
    found = accuracies(predictions("a", near + far + longer + unseen), 32)
    assert found == {"length 32": {"a": 0.86}, "distance 16": {"a": 0.3}, "length 64": {"a": 0.0}}


def test_the_farthest_tenth_of_many_distances_is_named_by_its_range() -> None:
    rows = [("test", "mlm", 64, d, d < 91) for d in range(1, 101)]
    assert accuracies(predictions("a", rows), 64) == {"length 64": {"a": 0.9}, "distance 91–100": {"a": 0.0}}


def test_distances_are_named_where_they_exist() -> None:
    near_and_far = predictions("a", [("test", "mlm", 64, d, True) for d in (1, 30)])
    assert accuracies(near_and_far, 64) == {"length 64": {"a": 1.0}, "distance 30": {"a": 1.0}}
    assert accuracies(predictions("a", [("test", "nsp", 64, -1, False)]), 64) == {"length 64": {"a": 0.0}}


def test_each_run_counts_once_whatever_it_predicted() -> None:
    many = predictions("a", [("test", "recall", 32, 4, True)] * 30)
    few = predictions("b", [("test", "recall", 32, 4, False)])
    (column,) = columns(pd.concat([many, few]), pd.Series([32, 32]))
    assert column.accuracy == {"a": 1.0, "b": 0.0}


def cell(label: str, seed: int) -> Cell:
    return Cell(
        encoding=Choice(name=label, label=label, digest="1"),
        attention=Choice(name="softmax", digest="2"),
        body="decoder",
        task=Choice(name="copy", label="copy", digest="3"),
        seed=seed,
    )


@pytest.mark.parametrize("lengths", [(64,), (64, 128), ()])
def test_the_tables_say_means_undefined_lengths_and_what_went_wrong(lengths: tuple[int, ...]) -> None:
    good, other, limited, broken = cell("good", 0), cell("good", 1), cell("limited", 0), cell("limited", 1)
    stopped = [cell("good", 2), cell("late", 0)]
    rows = pd.concat(
        [
            predictions(good.key, [("test", "copy", 32, 8, True), ("test", "copy", 64, 8, True)]),
            predictions(other.key, [("test", "copy", 32, 8, False), ("test", "copy", 64, 8, True)]),
            predictions(limited.key, [("test", "copy", 32, 8, True)]),
        ]
    )
    state = pd.DataFrame(
        {
            "cell": [good.key, other.key, limited.key, broken.key],
            "status": ["done", "done", "done", "failed"],
            "reason": ["", "", "", "ValueError: no [such] thing"],
            "train_length": [32.0, 32.0, 32.0, None],
            "undefined_lengths": [(), (), lengths, ()],
        }
    )
    out = io.StringIO()
    print_results(
        Console(file=out, width=80, markup=False),
        Results(state, rows, pd.DataFrame(), pd.DataFrame()),
        [good, other, limited, broken, *stopped],
    )
    text = out.getvalue()
    lines = {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}
    assert lines["good"] == ["0.500", "1.000", "2", "done,", "1", "not", "begun"]
    assert lines["late"] == ["–", "–", "1", "not", "begun"]
    assert lines["limited"] == ["1.000", "undefined" if lengths else "–", "1", "done,", "1", "failed"]
    assert lines["chance"] == ["0.250", "0.250"]
    assert f"failed limited on copy, decoder, seed 1 ({broken.key[:8]}): ValueError: no [such] thing" in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("failed"))
