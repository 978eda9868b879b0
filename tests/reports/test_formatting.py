"""Numbers and names as readers see them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posharness_reports.compile.latex import latex_table
from posharness_reports.formatting import (
    at_least,
    difference,
    enumerate_words,
    escape_markdown,
    fraction,
    moment,
    reach,
    short_names,
    show,
    slug,
    span,
    with_interval,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a|b", "a|b"),
        (None, "–"),
        (np.float64(NAN), "–"),
        (np.int64(101_000), "101\u202f000"),
        (np.bool_(True), "yes"),
        (0.12345, "0.123"),
        (-2.5, "−2.500"),
        (123.456, "123.5"),
        (1e-5, "1.0e−05"),
        (float("inf"), "∞"),
    ],
)
def test_show(value: object, text: str) -> None:
    assert show(value) == text


def test_accuracies() -> None:
    assert with_interval(0.5, 0.444, 0.556) == "0.50 [0.44, 0.56]"
    assert with_interval(NAN, NAN, NAN) == "–"
    assert fraction(-0.001) == "0.00"
    assert fraction(-0.05) == "−0.05"
    assert with_interval(0.004, -0.0021, 0.01) == "0.004 [−0.002, 0.010]"
    assert difference(0.02, 0.0034, 0.04) == "+0.020 [+0.003, +0.040]"
    assert difference(-2e-5, -0.03, -1e-17) == "−2e−05 [−0.030, +0.000]"


@given(*[st.floats(-1.5, 1.5)] * 3)
def test_shown_ends_of_an_interval_have_the_sign_of_the_real_ones(
    value: float, low: float, high: float
) -> None:
    for text in (difference(value, low, high), with_interval(value, low, high)):
        shown = [float(number.replace("−", "-")) for number in re.findall(r"[−+]?\d[\d.]*(?:e−\d+)?", text)]
        for real, seen in zip((value, low, high), shown, strict=True):
            assert np.sign(seen) == (np.sign(real) if abs(real) >= 1e-9 else 0)
            assert abs(seen - real) <= 0.0051


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((math.inf, math.inf, math.inf), "≥ 16"),
        ((5.66, 4.2, math.inf), "5.7 [4.2, ≥ 16]"),
        ((0.0, 0.0, 3.0), "< 2 [< 2, 3]"),
        ((0.0, 0.0, 0.0), "< 2"),
        ((5.66, 0.0, math.inf), "not known"),
        ((math.inf, 2.0, math.inf), "not known"),
        ((12.4, NAN, NAN), "12"),
        ((NAN, NAN, NAN), "–"),
    ],
)
def test_reach(ends: tuple[float, float, float], text: str) -> None:
    assert reach(*ends, 2, 16) == text


def test_words() -> None:
    assert [enumerate_words(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert span([2, 2], "seed") == "2 seeds"
    assert span([1, 3], "seed") == "1–3 seeds"
    assert slug("Où? Accuracy – by *length*") == "ou-accuracy-by-length"
    assert slug("…") == "untitled"
    about = (
        "variables[length=32, values=3, queries=3]: answers that follow their source, by dependency length, "
    )
    scopes = [slug(f"{about}{end} the training length") for end in ("at", "beyond")]
    assert scopes[0].endswith("-at-the-training-length")
    assert scopes[1].endswith("-beyond-the-training-length")
    assert all(name.startswith("variables-length-32-values-3-queries-3-") for name in scopes)
    assert max(map(len, [*scopes, slug("x" * 300)])) <= 100
    assert moment("2026-01-05T10:00:07Z") == "2026-01-05 10:00 UTC"


def test_markdown_stands_for_itself() -> None:
    assert escape_markdown("rpe[clip=4] <b> a_b & *c*") == r"rpe\[clip=4\] &lt;b&gt; a\_b &amp; \*c\*"


def test_latex_escapes_what_it_would_read() -> None:
    rows = [["x & y", "≥ 4"], ["[z]", r"\q{}"]]
    table = latex_table(["a_b", "%"], rows, [False, True], caption="50 % of a_b", label="half")
    assert table.splitlines() == [
        r"\begin{table}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        r"\caption{50 \% of a\_b.}\label{tab:half}",
        r"\begin{tabular}{@{}lr@{}}",
        r"\toprule",
        r"a\_b & \% \\",
        r"\midrule",
        r"x \& y & $\geq$ 4 \\",
        r"{[}z] & \textbackslash{}q\{\} \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_a_wide_table_goes_over_both_columns_and_a_long_one_says_what_it_lacks() -> None:
    names = [f"heading_{i}_of_many" for i in range(6)]
    wide = latex_table(names, [["1.00 [0.98, 1.00]"] * 6], [True] * 6, caption="c", label="l")
    assert wide.startswith(r"\begin{table*}")
    long = latex_table(["n"], [[str(n)] for n in range(90)], [True], caption="Numbers", label="l")
    (kept,) = map(int, re.findall(r"caption{Numbers. The first (\d+) of 90 rows.}", long))
    assert f"\n{kept - 1} " in long
    assert f"\n{kept} " not in long


@given(st.integers(0, 100_000))
def test_what_others_reach_is_never_rounded_up(thousandths: int) -> None:
    share = thousandths / 100_000
    assert share - 0.01 < float(at_least(share)) <= share


def test_what_others_reach_is_rounded_to_the_nearest_below() -> None:
    shares = (0.8854, 0.9835, 0.29, 1.0)
    assert [at_least(share) for share in shares] == ["0.88", "0.98", "0.29", "1.00"]


LONG = ("a_window_of_a_learned_width_for_each_head_of_a_layer", "[reach_of_the_window=2.0]")


@pytest.mark.parametrize("width", [7, 12, 30])
def test_long_labels_have_different_names(width: int) -> None:
    labels = [LONG[0], "".join(LONG), "".join(LONG).replace("2.0", "4.0"), "b" + LONG[0], "rope"]
    names = short_names(labels, width)
    assert list(names) == labels
    assert len(set(names.values())) == len(labels)
    assert all(len(name) <= width for name in names.values())


def test_a_long_label_keeps_its_start_and_its_end() -> None:
    assert short_names(["".join(LONG), "rope"], 20) == {"".join(LONG): "a_window_…indow=2.0]", "rope": "rope"}


@given(st.sets(st.text("ab… 1", min_size=1, max_size=9), max_size=12), st.integers(1, 8))
def test_no_two_labels_have_one_name(labels: set[str], width: int) -> None:
    names = short_names(labels, width)
    assert set(names) == labels
    assert len(set(names.values())) == len(labels)
    assert all(name == label for label, name in names.items() if len(label) <= width)


@given(
    st.lists(st.tuples(st.integers(0, 299), st.integers(0, 9)), min_size=1, max_size=39),
    st.integers(20, 300),
    st.integers(8, 51),
    st.booleans(),
)
def test_names_of_labels_that_differ_anywhere_are_different_and_not_too_long(
    changes: list[tuple[int, int]], length: int, width: int, grows: bool
) -> None:
    base = "x" * length
    places = [(at % length, digit) for at, digit in changes]
    labels = list(dict.fromkeys([base, *(f"{base[:at]}{digit}{base[at + 1 :]}" for at, digit in places)]))
    longest = width * 3 // 2 if grows else width
    names = short_names(labels, width, longest)
    assert list(names) == labels
    assert len(set(names.values())) == len(labels)
    assert max(map(len, names.values())) <= longest
    assert short_names(labels[::-1], width, longest) == names


def test_labels_that_no_cut_tells_apart_are_numbered() -> None:
    labels = [f"rope[{at * 'a'}1{(90 - at) * 'a'}]" for at in range(0, 91, 10)]
    names = list(short_names(labels, 20).values())
    assert (names[0], names[-1]) == ("rope[1aaa…aaaaaaaaa]", "rope[aaaa…aaaaaaaa1]")
    assert sorted(names[1:-1]) == [f"rope[aaa…aaaaaaaa] {number}" for number in range(1, 9)]
