"""A table's CSV file holds its values, and nothing that a spreadsheet would compute."""

from __future__ import annotations

import numpy as np
import pandas as pd

from posharness_reports.compile.inert_csv import inert_csv


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
