"""No sentence under a figure contradicts the numbers that are drawn, whatever these are."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from posharness_reports.figures.palette import FAMILIES, OTHERS, family
from posharness_reports.figures.sentences import (
    above_zero,
    changed,
    cost,
    fell,
    kept,
    kept_by_family,
    kept_fields,
    near_keys,
    nearer_than_equal,
    reached,
    verdict_counts,
)
from posharness_reports.formatting import fraction

Check = Callable[[str, pd.DataFrame], None]
LABELS = ("rope", "yarn", "alibi", "relative", "mine", "yours", "ours")
PLACES = ("copy", "recall", "sort", "dyck", "needle")
ENDS = st.sampled_from([-0.2, 0.0, 0.2, 0.85, 0.9, 0.95, 1.0])


@st.composite
def bands(draw: st.DrawFn) -> pd.DataFrame:
    """Lines with bands: one label or many, ties, no interval, one seed, nothing learned."""
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=7, unique=True))
    places = draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=5, unique=True))
    rows = []
    for place in places:
        for label in labels:
            seeds = draw(st.sampled_from([1, 3]))
            for x in (1, 4, 16)[: draw(st.integers(1, 3))]:
                low, high = sorted([draw(ENDS), draw(ENDS)])
                undefined = draw(st.integers(0, 9)) == 0
                if undefined or draw(st.integers(0, 9)) == 0:
                    low = high = nan
                rows.append(
                    {"place": place, "label": label, "x": x, "at": str(x), "y": (low + high) / 2,
                     "low": low, "high": high, "seeds": seeds, "undefined": undefined}
                )  # fmt: skip
    return pd.DataFrame(rows)


def _check_kept(text: str, data: pd.DataFrame) -> None:
    if data["low"].isna().all():
        assert text == "No line has an interval of its share."
        return
    data = data[data["low"].notna() | data["undefined"]]
    assert ("of one seed" in text) == (data["seeds"].min() == 1)
    assert ("some of one seed" in text) == (data["seeds"].min() < data["seeds"].max())
    lines = {key: own.sort_values("x") for key, own in data.groupby(["place", "label"])}
    whole = {key for key, own in lines.items() if (own["low"] >= 0.9).all()}
    gone = {key for key, own in lines.items() if own["undefined"].any()}
    lost = {key for key, own in lines.items() if (own["high"] < 0.9).any()}
    if data["place"].nunique() > 4:
        _check_many_places(text, data, lines.keys(), whole, lost)
        return
    parts = re.findall(r"On (\w+): (.*?)(?=\. On |\ \(share)", text)
    assert [place for place, _ in parts] == sorted(set(data["place"]))
    for place, clauses in parts:
        own = {label: line for (where, label), line in lines.items() if where == place}
        if match := re.match(
            r"(\d+) of (\d+) lines surely keeps? .* every point.*?, (\d+) (?:is|are) surely below .*, "
            r"and (\d+) (?:is|are) n",
            clauses,
        ):
            kept_, below, cut = (
                len({key for key in found if key[0] == place}) for found in (whole, lost, gone - lost)
            )
            assert [*map(int, match.groups())] == [kept_, len(own), below, len(own) - kept_ - below - cut]
            assert (f", {cut} {'is' if cut == 1 else 'are'} undefined" in clauses) == (cut > 0)
            assert not re.search(r"\b1 (are|of \d+ lines surely keep )|\b[02-9] is\b", clauses)
            continue
        said = [
            label for clause in clauses.split("; ") for label in LABELS if re.search(rf"\b{label}\b", clause)
        ]
        assert sorted(said) == sorted(own)
        for clause in clauses.split("; "):
            for label in [label for label in own if re.search(rf"\b{label}\b", clause)]:
                _check_line(clause, own[label])


def _check_many_places(
    text: str, data: pd.DataFrame, every: object, whole: set[object], lost: set[object]
) -> None:
    if data["label"].nunique() > 4:
        match = re.search(
            r"(\d+) of (\d+) lines surely keeps? 0.90 at every point.*, (\d+) (?:is|are) surely below", text
        )
        assert match is not None
        assert [*map(int, match.groups())] == [len(whole), len(list(every)), len(lost)]  # type: ignore[call-overload]
        return
    said = re.findall(
        r"(\w+) surely keeps 0.90 at every point on (\d+) of (\d+) and is surely below it somewhere on (\d+)",
        text,
    )
    assert len(said) == data["label"].nunique()
    for label, *numbers in said:
        of_label = [key for key in every if key[1] == label]  # type: ignore[attr-defined]
        expected = [len(whole.intersection(of_label)), len(of_label), len(lost.intersection(of_label))]
        assert [*map(int, numbers)] == expected


def _check_line(clause: str, line: pd.DataFrame) -> None:
    """What a clause says of a line is so at the points that it names."""
    keeps = re.search(r"surely keeps? 0.90 to (\d+) tokens?", clause)
    below = re.search(r"(?:is|are) surely below (?:it|0.90) at (\d+) token", clause)
    if keeps:
        upto = line["x"] <= int(keeps[1])
        assert (line.loc[upto, "low"] >= 0.9).all()
        assert upto.all() == ("the farthest" in clause) or not (line["low"] >= 0.9).all()
        after = line[~upto]
        assert after.empty or not after["low"].iloc[0] >= 0.9
    else:
        assert not line["low"].iloc[0] >= 0.9
    if below:
        assert (line.loc[line["x"] == int(below[1]), "high"] < 0.9).all()
        assert not (line.loc[line["x"] < int(below[1]), "high"] < 0.9).any()
    else:
        assert not (line["high"] < 0.9).any()
    gone = re.search(r"undefined at (\d+) token", clause)
    assert (gone is not None) == line["undefined"].any()
    assert gone is None or int(gone[1]) == line.loc[line["undefined"], "x"].min()
    if "nowhere" in clause:
        assert not keeps
        assert not below


def _check_families(text: str, data: pd.DataFrame) -> None:
    data = data.dropna()
    if data.empty:
        return
    found: dict[str, list[bool]] = {}
    for (_, label), own in data.groupby(["place", "label"]):
        found.setdefault(family(str(label)), []).append(bool((own["low"] >= 0.9).all()))
    for name in (*FAMILIES, OTHERS):
        said = re.search(rf"(\d+) of (\d+) \({name}\)", text)
        assert (said is not None) == (name in found)
        if said:
            assert [*map(int, said.groups())] == [sum(found[name]), len(found[name])]


def _check_fields(text: str, data: pd.DataFrame) -> None:
    data = data.dropna()
    if data.empty:
        assert text.startswith("No field")
        return
    for scope, rows in data.groupby("scope"):
        each = {label: ((own["low"] >= 0.9).sum(), len(own)) for label, own in rows.groupby("label")}
        clause = re.search(rf"{scope}, ([^;(]*)", text)
        assert clause is not None
        if len(each) > 4:
            shares = {label: n / of for label, (n, of) in each.items()}
            ends = list(dict.fromkeys((max(shares.values()), min(shares.values()))))
            parts = clause[1].split(", least often ")
            assert len(parts) == len(ends)
            for part, share in zip(parts, ends, strict=True):
                number = re.search(r" in (?:(\d+) of (\d+) fields?|(\S+) of (?:its|their) fields)", part)
                assert number is not None
                named = {label for label in each if re.search(rf"\b{label}\b", part)}
                alike = {label for label in each if shares[label] == share}
                # A number of fields is that of every label that has this share.
                if number[1]:
                    assert {each[label] for label in alike} == {(int(number[1]), int(number[2]))}
                else:
                    assert number[3] == {0: "none", 1: "all"}.get(share, fraction(share))
                assert named == (alike if len(alike) <= 4 else set())
                assert len(alike) <= 4 or part.startswith("each") or f"{len(alike)} of {len(each)}" in part
        else:
            said = re.findall(r"(\w+) in (\d+) of (\d+) field", clause[1])
            assert {label: (int(n), int(of)) for label, n, of in said} == each


def _check_changed(text: str, data: pd.DataFrame) -> None:
    data = data.dropna()
    for place, rows in data.groupby("place"):
        clause = re.search(rf"\b{place}: (.*?)(?:; |\ \(by the)", text)
        assert clause is not None
        groups = {
            group.split(" with ")[-1]: group
            for group in re.split(r", (?=falls|rises|no sure|one)", clause[1])
        }
        for label, own in rows.groupby("label"):
            first, last = (own.sort_values("x").iloc[i] for i in (0, -1))
            named = [group for names, group in groups.items() if re.search(rf"\b{label}\b", names)]
            if not named:
                assert " models" in clause[1]
                continue
            (group,) = named
            assert group.startswith("falls") == (last["high"] < first["low"])
            assert group.startswith("rises") == (last["low"] > first["high"])
            if group.startswith(("falls", "rises")):
                assert f"from {fraction(first['y'])} to {fraction(last['y'])} from" in group


def _check_zero(text: str, data: pd.DataFrame) -> None:
    for place, rows in data.dropna().groupby("place"):
        clause = re.search(rf"\b{place}: (.*?)(?:; |\ \(by the)", text)
        assert clause is not None
        for label, own in rows.groupby("label"):
            named = re.search(
                rf"above 0 at (\d+) of (\d+) points? and below at (\d+) with [^0-9]*\b{label}\b", clause[1]
            )
            if named is None:
                assert " models" in clause[1]
                continue
            numbers = [(own["low"] > 0).sum(), len(own), (own["high"] < 0).sum()]
            assert [*map(int, named.groups())] == numbers


def _fields(data: pd.DataFrame) -> pd.DataFrame:
    scope = np.where(data["x"] == 1, "near", "far")
    return data.assign(scope=scope, task=data["place"]).drop_duplicates(["scope", "task", "label"])


@pytest.mark.parametrize(
    ("says", "check", "made"),
    [
        (lambda data: kept(data, "share"), _check_kept, None),
        (lambda data: kept_by_family(data, "share"), _check_families, None),
        (kept_fields, _check_fields, _fields),
        (lambda data: changed(data, "tokens"), _check_changed, None),
        (above_zero, _check_zero, None),
    ],
    ids=["kept", "families", "fields", "changed", "zero"],
)
def test_what_is_said_of_bands_is_what_they_are(
    says: Callable[[pd.DataFrame], str], check: Check, made: Callable[[pd.DataFrame], pd.DataFrame] | None
) -> None:
    @settings(max_examples=30, deadline=None)
    @given(bands())
    def hold(data: pd.DataFrame) -> None:
        data = made(data) if made else data
        text = says(data)
        note(text)
        assert text.endswith(".")
        check(text, data)

    hold()
    # A sentence about other numbers is found to be false.
    up = pd.DataFrame(
        [
            {
                "place": "copy",
                "label": label,
                "x": x,
                "at": str(x),
                "y": y,
                "low": y,
                "high": y,
                "seeds": 3,
                "undefined": False,
            }
            for label in ("rope", "mine")
            for x, y in ((1, 0.95), (4, 1.0), (16, 0.99))
        ]
    )
    fall = np.where(up["x"] > 1, -0.5, 1.0)
    down = up.assign(**{name: up[name] * fall for name in ("y", "low", "high")})
    up, down = (made(frame) if made else frame for frame in (up, down))
    check(says(up), up)
    with pytest.raises(AssertionError):
        check(says(up), down)


@st.composite
def runs(draw: st.DrawFn) -> pd.DataFrame:
    """Curves of runs, of which some were never validated."""
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=6, unique=True))
    score = st.sampled_from([nan, 0.1, 0.9, 0.95])
    return pd.DataFrame(
        [
            {"place": place, "label": label, "run": run, "step": step, "validation_score": draw(score),
             "train_loss": draw(st.sampled_from([nan, 0.5, 1.0, 2.0]))}
            for place in PLACES[: draw(st.integers(1, 5))]
            for label in labels
            for run in range(draw(st.integers(1, 2)))
            for step in (10, 20)
        ]
    )  # fmt: skip


def _check_reached(text: str, data: pd.DataFrame) -> None:
    known = data[data["validation_score"].notna()]
    if known.empty:
        _check_fell(text, data)
        return
    best = known.groupby(["place", "label", "run"])["validation_score"].max() >= 0.9
    steps = known.loc[known["validation_score"] >= 0.9, "step"]
    if " of " in text and (said := re.findall(r"(?:on (\w+) in |and |, )?(\d+) of (\d+) runs?", text)):
        assert sum(int(n) for _, n, _ in said) == best.sum()
        assert sum(int(of) for _, _, of in said) == len(best)
    for label, own in best.groupby("label") if len(set(known["place"])) == 1 else []:
        of = re.search(rf"(\d+) of (\d+) runs?(?: \([^)]*\))? of {label}\b", text)
        assert of is None or [*map(int, of.groups())] == [own.sum(), len(own)]
    for step in re.findall(r"at step (\d+)", text):
        assert int(step) in set(steps)


def _check_fell(text: str, data: pd.DataFrame) -> None:
    known = data[data["train_loss"].notna()]
    if known.empty:
        assert text.startswith("No ")
        return
    ends = known.sort_values("step").groupby(["place", "label", "run"])["train_loss"].agg(["first", "last"])
    said = re.findall(r"in (\d+) of (\d+) run", text)
    assert sum(int(n) for n, _ in said) == (ends["last"] < ends["first"]).sum()
    assert sum(int(of) for _, of in said) == len(ends)


@settings(max_examples=40, deadline=None)
@given(runs())
def test_runs_that_learn_are_counted(data: pd.DataFrame) -> None:
    for text, check in ((reached(data), _check_reached), (fell(data, "train_loss", "loss"), _check_fell)):
        note(text)
        check(text, data)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6))
def test_a_plugin_is_cheapest_or_dearest_only_where_none_of_its_times_are_mixed(
    times: list[tuple[int, int, int]],
) -> None:
    data = pd.DataFrame(
        [
            {"plugin": f"p{i}", "length": n, "batch": 1, "seconds": n * t, "fastest": n * (t - d),
             "slowest": n * (t + u), "mebibytes": float(t)}
            for i, (t, d, u) in enumerate(times)
            for n in (128, 256)
        ]
    ).astype({"seconds": float})  # fmt: skip
    text = cost(data)
    note(text)
    last = data[data["length"] == 256].set_index("plugin")
    for name, row in last.iterrows():
        others = last.drop(index=name)
        assert (f"least with {name}" in text) == bool(
            len(others) and (row["slowest"] < others["fastest"]).all()
        )
        assert (f"most with {name}" in text) == bool(
            len(others) and (row["fastest"] > others["slowest"]).all()
        )
    low, high = 1e6 * last["seconds"].min() / 256, 1e6 * last["seconds"].max() / 256
    assert f"takes {low:.3g}{'' if low == high else f' to {high:.3g}'} µs and " in text
    assert "From 128 tokens on, the time per token becomes 1 times as long." in text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.sampled_from([1.0, 3.0, 5.0]), st.sampled_from([0.0, 3.0])),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 2),
)
def test_heads_are_counted(heads: list[tuple[str, float, float]], seeds: int) -> None:
    data = pd.DataFrame(
        [
            {"label": label, "stack": "", "layer": 0, "head": i, "low": low, "high": low + more,
             "uniform": 4.0, "seeds": seeds}
            for i, (label, low, more) in enumerate(heads)
        ]
    )  # fmt: skip
    near, far = data["high"] < 4, data["low"] > 4
    text = nearer_than_equal(data)
    note(text)
    assert ("every seed" in text) == (seeds > 1)
    effects = pd.concat(
        [data.assign(distance=d, effect=data["high"] if d else 4.0) for d in (0, -8)], ignore_index=True
    )
    added = near_keys(effects)
    note(added)
    if data["label"].nunique() > 4:
        numbers = [len(data), data["label"].nunique(), near.sum(), far.sum()]
        assert [*map(int, re.findall(r"\d+", text))] == numbers
        assert added.startswith(f"In {near.sum()} of {len(data)} head")
        return
    for label, own in data.groupby("label"):
        n, m = near[own.index].sum(), far[own.index].sum()
        assert re.search(rf"\b{label}: {n} of {len(own)} heads? nearer and {m} farther", text)
        # 4 is added at the query, and the height of the head far from it.
        assert re.search(rf"\b{label}: {n} of {len(own)} head", added)


VERDICTS = ("borne out", "contradicted", "undecided", "no difference that matters")


@given(st.lists(st.tuples(st.sampled_from(VERDICTS), st.floats(-1, 1)), min_size=1, max_size=9))
def test_verdicts_are_counted_and_only_a_decided_effect_is_named(rows: list[tuple[str, float]]) -> None:
    data = pd.DataFrame(
        [
            {
                "label": f"c{i}",
                "verdict": verdict,
                "effect": effect,
                "low": effect - 0.1,
                "high": effect + 0.1,
            }
            for i, (verdict, effect) in enumerate(rows)
        ]
    )
    text = verdict_counts(data)
    for verdict in VERDICTS:
        n = sum(each == verdict for each, _ in rows)
        assert (f"{n} {verdict}" in text) == (n > 0)
    decided = [(abs(effect), f"c{i}") for i, (verdict, effect) in enumerate(rows) if verdict in VERDICTS[:2]]
    named = re.search(r"\((c\d)\)\.$", text)
    assert (named is not None) == bool(decided)
    if named:
        assert (max(decided)[0], named[1]) in decided


@settings(max_examples=30, deadline=None)
@given(bands(), bands())
def test_each_scope_is_said_apart(near: pd.DataFrame, far: pd.DataFrame) -> None:
    scopes = {"at the training length": near, "beyond the training length": far}
    data = pd.concat([rows.assign(scope=scope) for scope, rows in scopes.items()], ignore_index=True)
    text = kept(data, "share")
    for scope, rows in scopes.items():
        alone = kept(rows, "share")
        if alone.startswith("No line"):
            assert rows["undefined"].any() or scope not in text.casefold()
            continue
        said = alone.partition(" (share")[0]
        for clause in said.split(". On "):
            clause = clause.removeprefix("On ").removeprefix("Over ")
            assert re.search(rf"(?i){scope}, (on|over) {re.escape(clause)}", text)
