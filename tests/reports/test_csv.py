"""A table's CSV file holds its values, and nothing that a spreadsheet would compute."""

from __future__ import annotations

import numpy as np
import pandas as pd

from posharness_reports.compile.inert_csv import inert_csv
from posharness_reports.formatting import show


def test_a_text_that_looks_like_a_formula_gets_an_apostrophe_and_nothing_else_changes() -> None:
    frame = pd.DataFrame(
        {
            "encoding": ["=HYPERLINK(1)", "-2+3", None],
            "kind": pd.Categorical(["+a", "-1", "-1"]),
            "small": np.array([0.1, -2, np.nan], np.float32),
            "seeds": pd.array([1, None, 3], dtype="Int64"),
            "right": [True, False, True],
        }
    )
    plain = frame.to_csv(index=False, lineterminator="\n")
    expected = plain.replace("=HYPER", "'=HYPER").replace("+a", "'+a").replace("-2+3", "'-2+3")
    assert inert_csv(frame).decode() == expected
    assert inert_csv(frame.iloc[2:]).decode() == frame.iloc[2:].to_csv(index=False, lineterminator="\n")


def test_numbers_can_have_fewer_digits() -> None:
    frame = pd.DataFrame({"share": [2 / 3, 1.0, float("nan"), 1.23456789e-9], "n": [12345678, 1, 2, 3]})
    expected = "share,n\n0.666667,12345678\n1.0,1\n,2\n1.23457e-09,3\n"
    assert inert_csv(frame, 6).decode() == expected


def test_a_number_with_fewer_digits_is_written_as_the_number_itself() -> None:
    rng = np.random.default_rng(0)
    halves = rng.integers(-9000, 9000, 300) / 2000 + rng.uniform(-1, 1, 300) * 10.0 ** -rng.integers(
        6, 12, 300
    )
    values = [2.8244999, 0.9904999999, -0.0124999999, 999.949999, 1234.4999999, *halves]
    written = inert_csv(pd.DataFrame({"share": values}), 6).decode().split()[1:]
    assert [show(float(text)) for text in written] == [show(value) for value in values]
