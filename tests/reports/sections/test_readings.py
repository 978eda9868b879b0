"""Sections on readings and on both directions say what known answers amount to, whatever is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames, ReportSection, Section
from posharness_reports import posharness_claims, posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.compile.headline import headline
from posharness_reports.formatting import nats
from posharness_reports.measures.paired_differences import mean_difference, paired
from posharness_reports.sections._readings import compared_with_zero, first_and_last
from posharness_reports.study import study

Simulate = Callable[..., Frames]
Answer = tuple[str, str, int, bool, float, str]
"""Objective, condition, distance, correct, log_prob, stratum."""

SEQUENCES = 20
COPY: list[Answer] = [
    ("copy", "", 1, True, -0.5, ""),
    ("copy", "", 8, False, -2.0, ""),
    ("copy", "occluded", 1, False, -2.0, ""),
    ("copy", "occluded", 8, False, -2.25, ""),
    ("copy", "other occluded", 1, True, -0.75, ""),
    ("copy", "other occluded", 8, False, -2.25, ""),
]
HEADS: list[Answer] = [
    ("head", "", 1, True, -0.1, "subject, head left"),
    ("head", "", 7, True, -0.1, "object, head right"),
    ("head", "predicted length", 1, True, -0.1, "subject, head left"),
    ("head", "predicted length", 7, False, -3.0, "object, head right"),
    ("head", "untrained encoder", 1, True, -0.2, "subject, head left"),
    ("head", "untrained encoder", 7, False, -3.0, "object, head right"),
]
AGREEMENT: list[Answer] = [
    ("agreement", "", 2, True, -0.1, "no attractor"),
    ("agreement", "", 9, False, -2.0, "1 attractor"),
]
TRUNCATION: list[Answer] = [("truncation", "", r, r > 3, -1.0, "") for r in (1, 2, 4, 8)]
READINGS = {"nearest_copy": COPY, "truncation": TRUNCATION, "heads": HEADS, "subject_verb": AGREEMENT}


def reading(
    parent: dict[str, Any], name: str, answers: Iterable[Answer]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """The row of a cell that reads a model, and its predictions: the same answers in each sequence."""
    key = f"{name}{parent['cell']}"[:64]
    row = parent | {
        "cell": key,
        "task": f"{name} reading",
        "pretrained": parent["cell"],
        "train_length": None,
        "steps": 0,
        "settings": {"data": "0123abcd"},
        "objectives": tuple(dict.fromkeys(answer[0] for answer in answers)),
    }
    frame = pd.DataFrame(
        answers, columns=["objective", "condition", "dependency_length", "correct", "log_prob", "stratum"]
    )
    frame["position"] = (
        1 if name == "truncation" else frame.groupby(["objective", "condition"]).cumcount() + 1
    )
    many = pd.concat([frame.assign(sequence=s) for s in range(SEQUENCES)], ignore_index=True)
    names = ("cell", "label", "encoding", "attention", "body", "task", "seed")
    return row, many.assign(
        split="test", decoding="teacher-forced", length=30, chance=0.25, **{n: row[n] for n in names}
    )


def with_readings(frames: Frames, readings: dict[str, list[Answer]], **changes: Any) -> Frames:
    parents = frames.cells[(frames.cells["task"] == "bert") & (frames.cells["status"] == "done")]
    made = [
        reading(parent | changes, name, answers)
        for parent in parents.to_dict("records")
        for name, answers in readings.items()
    ]
    cells = pd.concat([frames.cells, pd.DataFrame([row for row, _ in made])], ignore_index=True)
    plain = frames.predictions.astype(dict.fromkeys(frames.predictions.select_dtypes("category"), str))
    rows = pd.concat([plain, *(rows for _, rows in made)], ignore_index=True)
    return replace(frames, cells=cells, predictions=rows)


def sections(frames: Frames) -> dict[str, Section]:
    ready = study(frames)
    built = {cls.name: cls().build(ready) for cls in posharness_report_sections()}
    return {name: section for name, section in built.items() if section is not None}


@pytest.fixture(scope="module", params=[1, 2], ids=["one seed", "two seeds"])
def read(request: pytest.FixtureRequest, simulated: Simulate) -> dict[str, Section]:
    frames = simulated(tasks=("bert",), seeds=request.param, sequences=8)
    return sections(with_readings(frames, READINGS))


def table(section: Section, words: str) -> pd.DataFrame:
    (found,) = [frame for caption, frame in section.tables.items() if words in caption]
    return found


def test_the_net_drop_is_what_the_copy_costs_more_than_another_token(read: dict[str, Section]) -> None:
    net = table(read["nearest-copy"], "net drop").set_index("model")
    assert net.loc["relative"].tolist() == ["1.25 [1.25, 1.25]", "0.00 [0.00, 0.00]"]
    drops = table(read["nearest-copy"], "drops of log p").set_index(["model", "bucket", "drop"])[
        "mean_difference"
    ]
    assert drops["relative", "1", "copy (occluded)"] == pytest.approx(1.5)
    assert drops["relative", "8", "copy (other occluded)"] == pytest.approx(0.25)
    assert "net drop of log p 0.625" in read["nearest-copy"].prose
    assert len(read["nearest-copy"].figures) == 1


def test_truncation_names_the_radius_at_which_the_rise_is_over(read: dict[str, Section]) -> None:
    assert "radius 4 reaches 90 % of the rise" in read["truncation"].prose


def test_the_margin_over_the_untrained_encoder_has_an_interval(read: dict[str, Section]) -> None:
    prose = read["syntactic-heads"].prose.replace("\\", "")
    assert "finds 1.00" in prose
    assert "the margin is 0.50 [0.50, 0.50], above 0" in prose
    margin = table(read["syntactic-heads"], "margin in recall").set_index("model")
    assert margin.loc["absolute"].tolist() == ["0.00 [0.00, 0.00]", "1.00 [1.00, 1.00]"]
    relations = table(read["syntactic-heads"], "by relation").set_index(["model", "relation"])
    assert relations.loc[("relative", "object, head right"), "margin"] == "1.00 [1.00, 1.00]"


@pytest.mark.parametrize(
    ("sentences", "arcs", "little"), [(99, 900, True), (120, 499, True), (120, 500, False)]
)
def test_the_size_of_the_test_part_is_told(
    simulated: Simulate, sentences: int, arcs: int, little: bool
) -> None:
    parts = {"train": (800, 9000, 8000), "validation": (110, 1000, 900), "test": (sentences, 1000, arcs)}
    whats = ("sentences", "words", "arcs")
    sizes = {f"{part} {what}": n for part, row in parts.items() for what, n in zip(whats, row, strict=True)}
    frames = simulated(tasks=("bert",), seeds=2, sequences=8)
    section = sections(with_readings(frames, {"heads": HEADS}, sizes=sizes))["syntactic-heads"]
    assert f"The test part has {sentences} sentences and {arcs} arcs" in section.prose
    assert ("That is little" in section.prose) == little
    told = table(section, "of each part").set_index(["model", "part"])
    assert told.loc[("relative", "test")].tolist() == [sentences, 1000, arcs]
    assert told.index.is_unique


def test_agreement_tells_its_counts(read: dict[str, Section]) -> None:
    section = read["subject-verb-agreement"]
    counted = table(section, "number of attractors").set_index("")
    assert counted["verbs in a run"].to_dict() == {
        "no attractor": str(SEQUENCES),
        "1 attractor": str(SEQUENCES),
    }
    assert f"of {2 * SEQUENCES} verbs correct; chance is 0.25" in section.prose
    assert f"with 1 attractor ({SEQUENCES} verbs)" in section.prose


def test_readings_do_not_lead_the_report(simulated: Simulate, tmp_path: Path) -> None:
    plain = simulated(tasks=("bert",), sequences=8)
    frames = with_readings(plain, READINGS)
    assert headline(study(frames)) == headline(study(plain))
    found = sections(frames)
    assert "16 of the cells are readings of 4 pretrained models." in found["overview"].prose
    for name in ("dependency-length", "evaluation-length", "learning-curves", "pretraining"):
        assert not any("reading" in caption for caption in found[name].tables)
    built_in: list[ReportSection] = [section() for section in posharness_report_sections()]
    page = HtmlCompiler().compile(frames, built_in, title="Read", folder=tmp_path / "r")
    assert "This section failed" not in page.read_text(encoding="utf-8")


def _everything(simulated: Simulate) -> Frames:
    """Frames that every section with a figure has something to show of."""
    frames = with_decoders(simulated(tasks=("bert",), labels=("relative", "absolute"), sequences=8))
    every = simulated(tasks=("bert", "copy"), labels=("relative", "absolute"), sequences=8)
    cells, predictions = (
        pd.concat([mine, others[~others["cell"].isin(frames.cells["cell"])]], ignore_index=True)
        for mine, others in ((frames.cells, every.cells), (frames.predictions, every.predictions))
    )
    done = cells[["cell", "label", "encoding", "attention", "body", "task", "seed"]]
    heads = pd.DataFrame(
        [
            {"stack": "", "layer": 0, "head": head, "distance": -far, "weight": 1 / (1 + far), "effect": -far}
            for head in (0, 1)
            for far in range(4)
        ]
    )
    asked = predictions[(predictions["dependency_length"] >= 0) & (predictions["split"] == "test")]
    costs = pd.DataFrame(
        [
            {"plugin": name, "length": n, "batch": 1, "seconds": s * n, "fastest": s * n, "slowest": s * n,
             "mebibytes": 1.0, "stopped": ""}
            for name, s in (("relative", 2e-5), ("absolute", 1e-5))
            for n in (128, 256)
        ]
    )  # fmt: skip
    whole = Frames(
        cells,
        predictions,
        every.curves,
        done.merge(heads, how="cross"),
        asked.assign(change="source", outcome=np.resize(["followed", "kept"], len(asked))),
        costs=costs,
    )
    return with_readings(whole, READINGS)


def test_every_figure_of_every_section_says_what_it_shows(simulated: Simulate, tmp_path: Path) -> None:
    frames = _everything(simulated)
    claims = [claim() for claim in posharness_claims()]
    built_in: list[ReportSection] = [section() for section in posharness_report_sections()]
    page = HtmlCompiler().compile(frames, built_in, claims=claims, title="All", folder=tmp_path / "r")
    names = json.loads((page.parent / "report.json").read_text("utf-8"))["figures"]
    without = {"fairness", "overview", "ranking", "trust", "unfinished"}
    for name in {section.name for section in built_in} - without:
        assert any(figure.startswith(f"{name}-") for figure in names), name
    text = page.read_text("utf-8")
    assert "This section failed" not in text
    captions = re.findall(r"<figcaption><strong>(.*?)</strong>", text)
    assert len(captions) == len(names) == text.count("<figcaption>")
    assert all(re.search(r"\d", said) and said.endswith(".") for said in captions)
    # Of each, every set of axes is read at the pointer and by keys.
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert block is not None
    figures = json.loads(block[1])["figures"]
    assert set(figures) == set(names)
    for name, figure in figures.items():
        assert figure["panels"], name
        assert all(panel["read"] and panel["points"] for panel in figure["panels"]), name


def test_models_from_elsewhere_alone_make_a_report(simulated: Simulate, tmp_path: Path) -> None:
    frames = with_readings(
        simulated(tasks=("bert",), labels=("rope",), seeds=1), READINGS, cell="d" * 64, label="tiny"
    )
    own = frames.cells["pretrained"] == "d" * 64
    only = replace(
        frames,
        cells=frames.cells[own],
        predictions=frames.predictions[frames.predictions["cell"].isin(frames.cells[own]["cell"])],
        curves=frames.curves.head(0),
    )
    assert headline(study(only)).startswith("Readings of 1 pretrained model: heads reading")
    built_in: list[ReportSection] = [section() for section in posharness_report_sections()]
    page = HtmlCompiler().compile(only, built_in, title="Read", folder=tmp_path / "r")
    assert "This section failed" not in page.read_text(encoding="utf-8")
    assert "tiny" in page.read_text(encoding="utf-8")


def test_a_reading_goes_the_way_of_its_model(simulated: Simulate) -> None:
    frames = with_readings(simulated(tasks=("bert",), seeds=1, sequences=8), {"truncation": TRUNCATION})
    edited = frames.cells[frames.cells["task"] == "bert"].assign(
        cell=lambda rows: rows["cell"].str[::-1], started="2026-02-01T00:00:00Z", version="edited"
    )
    later = replace(frames, cells=pd.concat([frames.cells, edited], ignore_index=True))
    cells = study(later).cells
    assert set(cells.loc[cells["pretrained"] != "", "status"]) == {"superseded"}
    assert study(later).readings.predictions.empty


def test_models_of_one_label_and_several_makings_are_told_apart(simulated: Simulate) -> None:
    small = with_readings(simulated(tasks=("bert",), labels=("rope",), seeds=1), {"truncation": TRUNCATION})
    large = replace(
        small,
        cells=small.cells.assign(
            cell=small.cells["cell"] + "b",
            pretrained=[p if pd.isna(p) else f"{p}b" for p in small.cells["pretrained"]],
            settings=[own | {"width": 128} if "width" in own else own for own in small.cells["settings"]],
        ),
    )
    cells = study(replace(small, cells=pd.concat([small.cells, large.cells], ignore_index=True))).cells
    labels = set(cells.loc[cells["pretrained"] != "", "label"])
    assert labels == {"rope, bert (width=64)", "rope, bert (width=128)"}


def with_decoders(frames: Frames) -> Frames:
    """The frames with a decoder beside each encoder, which is wrong where the encoder is right."""
    mlm = frames.predictions["objective"] == "mlm"
    rows = frames.predictions[mlm].astype({"cell": str, "body": str})
    rows["position"] = rows.groupby(["cell", "sequence"]).cumcount() + 3
    rows = rows.assign(correct=True, log_prob=-1.0)
    causal = rows.assign(
        cell=rows["cell"].str[::-1],
        body="decoder",
        position=rows["position"] - 1,
        correct=False,
        log_prob=-1.5,
    )
    decoders = frames.cells.assign(cell=frames.cells["cell"].str[::-1], body="decoder")
    return replace(
        frames,
        cells=pd.concat([frames.cells, decoders], ignore_index=True),
        predictions=pd.concat([rows, causal], ignore_index=True),
    )


def test_the_gain_of_the_right_context_pairs_tokens_one_position_apart(simulated: Simulate) -> None:
    frames = simulated(tasks=("bert",), labels=("rope",), seeds=2, sequences=8)
    both = with_decoders(frames)
    rows, causal = (both.predictions[both.predictions["body"] == body] for body in ("encoder", "decoder"))
    section = sections(both)["both-directions"]
    prose = section.prose.replace("\\", "")
    assert (
        "the gain is 1.00 [1.00, 1.00] in accuracy, above 0, and 0.500 [0.500, 0.500] nats in log p" in prose
    )
    assert "both-directions" not in sections(frames)
    shifted = replace(
        both,
        predictions=pd.concat([rows, causal.assign(position=causal["position"] + 500)], ignore_index=True),
    )
    assert "both-directions" not in sections(shifted)


def test_a_difference_is_taken_pair_by_pair_and_each_run_counts_once() -> None:
    def rows(seed: int, n: int, value: float) -> pd.DataFrame:
        place = {
            "label": "a",
            "seed": seed,
            "length": 9,
            "position": 1,
            "dependency_length": 1,
            "stratum": "",
        }
        return pd.DataFrame({"sequence": np.arange(n), "value": value}).assign(**place)

    one = pd.concat([rows(0, 30, 1.0), rows(1, 3, 3.0)])
    other = pd.concat([rows(0, 30, 1.0), rows(1, 2, 1.0)])
    found = mean_difference(paired(one, other, "value"))
    said = found.overall.iloc[0]
    assert (said["mean"], said["seeds"], said["pairs"]) == (1.0, 2, 32)
    # Student's t with one degree of freedom, for two runs with means 0 and 2.
    assert (said["low"], said["high"]) == pytest.approx((1 - 12.706, 1 + 12.706), abs=1e-3)
    assert found.runs["mean"].tolist() == [0.0, 2.0]


def test_one_sequence_alone_gives_no_interval() -> None:
    place = {"label": "a", "seed": 0, "length": 9, "position": 1, "stratum": ""}
    many = pd.DataFrame({"sequence": range(5), "dependency_length": [1, 1, 1, 1, 9], "value": 1.0})
    rows = many.assign(**place)
    found = mean_difference(paired(rows, rows.assign(value=[0.0, 0.5, 0.0, 0.5, 0.0]), "value")).points
    assert np.isfinite(found["low"]).tolist() == [True, False]
    low, high = found.loc[1, ["low", "high"]]
    assert compared_with_zero(low, high) == ", not distinguishable from 0"
    assert list(first_and_last(found, "mean", nats)) == [
        ("1", nats(0.75, *found.loc[0, ["low", "high"]])),
        ("9", "1.00 [–, –] (n = 1)"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.2, 0.3, "not distinguishable from 0"),
        (-0.2, -0.1, "below 0"),
        (0.1, 0.2, "above 0"),
        (9.7e-6, 9.9e-6, "too small to matter"),
        (0.001, 0.2, "not distinguishable from what is too small to matter"),
    ],
)
def test_no_margin_is_claimed_that_the_interval_does_not_show(low: float, high: float, said: str) -> None:
    assert compared_with_zero(low, high, 0.01) == f", {said}"


def test_a_rise_is_told_only_where_there_is_one(simulated: Simulate) -> None:
    flat: list[Answer] = [("truncation", "", r, True, -1.0, "") for r in (1, 2, 4)]
    falling: list[Answer] = [("truncation", "", r, r < 4, -1.0, "") for r in (1, 2, 4)]
    for answers, said in (
        (flat, "is 0.00 [0.00, 0.00], not distinguishable"),
        (falling, "is −1.00 [−1.00, −1.00], below 0"),
    ):
        frames = with_readings(simulated(tasks=("bert",), seeds=1, sequences=8), {"truncation": answers})
        prose = sections(frames)["truncation"].prose.replace("\\", "")
        assert said in prose
        assert "of the rise" not in prose.partition("- **")[2]


def test_chance_is_that_of_each_model(simulated: Simulate) -> None:
    frames = with_readings(simulated(tasks=("bert",), seeds=1, sequences=8), {"subject_verb": AGREEMENT})
    rows = frames.predictions
    own = (rows["label"] == "relative") & (rows["objective"] == "agreement")
    changed = replace(frames, predictions=rows.assign(chance=rows["chance"].where(~own, 0.75)))
    section = sections(changed)["subject-verb-agreement"]
    lines = {line.split("**")[1]: line for line in section.prose.splitlines() if line.startswith("- **")}
    assert "chance is 0.75" in lines["relative"]
    assert all("chance is 0.25" in line for label, line in lines.items() if label != "relative")
    assert set(table(section, "number of attractors")["chance"]) == {"0.25–0.75"}


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.00456, "0.00456"), (12.345, "12.3"), (-1e-17, "0.00"), (123.4, "123"), (-0.0312, "−0.0312")],
)
def test_nats_have_three_significant_digits(value: float, said: str) -> None:
    assert nats(value, value, value) == f"{said} [{said}, {said}]"
