"""A download of a table holds numbers as numbers: one column for the value, and one for each end."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posharness_reports.compile.inert_csv import inert_csv
from posharness_reports.compile.number_columns import number_columns
from posharness_reports.formatting import difference, reach, with_interval


def _read(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(inert_csv(number_columns(frame))))


def test_texts_with_intervals_become_three_columns() -> None:
    texts = [with_interval(0.9, 0.78, 1.0), with_interval(0.5, float("nan"), float("nan")), "–"]
    found = _read(pd.DataFrame({"encoding": ["a", "b", "c"], "accuracy": texts, "seeds": [3, 1, 0]}))
    assert list(found.columns) == ["encoding", "accuracy", "accuracy low", "accuracy high", "seeds"]
    assert found.drop(columns="encoding").dtypes.map(lambda kind: kind.kind).tolist() == ["f", "f", "f", "i"]
    assert found["accuracy"].tolist()[:2] == [0.9, 0.5]
    assert found["accuracy low"].dropna().tolist() == [0.78]
    assert np.isnan(found["accuracy"].iloc[2])


@given(st.floats(-2, 2), st.floats(0, 1), st.floats(0, 1))
def test_every_difference_is_read_back(value: float, below: float, above: float) -> None:
    ends = value - below, value + above
    found = _read(pd.DataFrame({"effect": [difference(value, *ends), "–"]}))
    assert found.iloc[0].tolist() == pytest.approx([value, *ends], abs=0.0051)


def test_bounds_keep_their_sign_in_a_column_of_its_own() -> None:
    texts = [reach(12, 9, 40, 4, 16), reach(40, 40, 40, 4, 16), reach(1, 1, 1, 4, 16)]
    assert texts == ["12 [9, ≥ 16]", "≥ 16", "< 4"]
    found = _read(pd.DataFrame({"reach": texts})).astype(object).fillna("")
    assert found.to_dict("list") == {
        "reach": [12.0, 16.0, 4.0],
        "reach is": ["", "≥", "<"],
        "reach low": [9.0, "", ""],
        "reach high": [16.0, "", ""],
        "reach high is": ["≥", "", ""],
    }


def test_counts_and_words_among_numbers_have_columns_too() -> None:
    texts = ["2 of 3 [0.09, 0.99]", "not known", "3 of 3 [0.29, 1.00]"]
    found = _read(pd.DataFrame({"learned": texts})).astype(object).fillna("")
    assert found.to_dict("list") == {
        "learned": [2.0, "", 3.0],
        "learned is": ["", "not known", ""],
        "learned of": [3.0, "", 3.0],
        "learned low": [0.09, "", 0.29],
        "learned high": [0.99, "", 1.0],
    }


def test_words_in_place_of_numbers_leave_a_column_of_numbers() -> None:
    reaches = [reach(40, 16, 40, 4, 32), reach(40, 0, 40, 4, 32), "undefined", "not known"]
    assert reaches[:2] == ["≥ 32 [16, ≥ 32]", "not known"]
    found = _read(pd.DataFrame({"reach": reaches}))
    assert found["reach"].dropna().tolist() == [32.0]
    assert found["reach low"].dropna().tolist() == [16.0]
    assert found["reach is"].tolist() == ["≥", "not known", "undefined", "not known"]


@pytest.mark.parametrize(
    "texts",
    [
        [pd.NA, True],
        [[1.0], None],
        ["0.2.0", "1.0"],
        ["0, 1, 2"],
        ["08325872", "1"],
        ["", "–"],
        ["a [1, 2]"],
        ["1.5", "rope", "alibi"],
    ],
)
def test_other_values_stay_as_they_are(texts: list[Any]) -> None:
    frame = pd.DataFrame({"x": texts})
    assert number_columns(frame) is frame
