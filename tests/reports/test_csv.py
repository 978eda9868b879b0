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
