"""The frames of a store hold every cell, whatever became of it, and all predictions of the done ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from posharness.conformance.sample_frames import empty_frames, sample_frames, unfinished_frames
from posharness.contracts import CellOutcome, Frames, Progress, Status, columns
from posharness.contracts.cell import Cell, Choice
from posharness.store import Store
from posharness.store.checksums import write_checksums
from posharness.store.frames import read_frames, read_rows

IDENTITY = [column.name for column in columns.IDENTITY]
PREDICTIONS, CURVES = (
    [column.name for column in table.own_columns] for table in (columns.PREDICTIONS, columns.CURVES)
)


def make_cell(encoding: str, seed: int = 0, **more: Any) -> Cell:
    return Cell(
        encoding=Choice(name=encoding, label=f"{encoding}[x=1]"),
        attention=Choice(name="softmax", label=more.pop("attention", "")),
        body="decoder",
        task=Choice(name="copy", label="copy[gap=3]"),
        seed=seed,
    )


def predictions(objective: str, rows: int, *, correct: bool) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "split": pd.Categorical(["test"] * rows),
            "objective": pd.Categorical([objective] * rows, categories=["unused", objective]),
            "length": np.full(rows, 32, np.int32),
            "sequence": np.arange(rows, dtype=np.int32) // 2,
            "position": np.arange(rows, dtype=np.int32) % 2,
            "dependency_length": np.arange(rows, dtype=np.int32) - 1,
            "decoding": pd.Categorical(["teacher-forced"] * rows),
            "condition": pd.Categorical([""] * rows),
            "stratum": [""] * rows,
            "correct": np.full(rows, correct),
            "log_prob": np.full(rows, -0.5, np.float32),
            "chance": np.full(rows, 0.25, np.float32),
            "blind": np.full(rows, 0.25, np.float32),
        }
    )


def curve(objective: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "step": np.array([1, 2], np.int32),
            "seconds": [0.1, 0.2],
            "objective": pd.Categorical([objective] * 2),
            "train_loss": [2.0, 1.0],
            "validation_loss": [math.nan, 1.5],
            "validation_score": [math.nan, 0.5],
            "gradient_norm": [1.0, 1.0],
            "learning_rate": [1e-3, 0.0],
        }
    )


RESULT = {
    "parameters": 1234,
    "encoding_parameters": 12,
    "family": "relative",
    "steps": 2,
    "seconds": 0.2,
    "step_ms": 100.0,
    "step_wall_ms": 110.0,
    "train_length": 32,
    "max_length": None,
    "distance": "dependency",
    "undefined_lengths": [64, 128],
    "objectives": ["mlm", "nsp"],
    "strata": [],
    "score": 0.5,
}


def train(
    store: Store,
    cell: Cell,
    *,
    objective: str = "recall",
    rows: int = 4,
    correct: bool = True,
    more: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Path:
    """Leave in the store what a trained cell leaves there, and more frames or others, by file name."""
    with store.begin(cell) as work:
        assert work is not None
        folder = work.folder
        curve(objective).to_parquet(folder / "curve.parquet", index=False)
        predictions(objective, rows, correct=correct).to_parquet(folder / "predictions.parquet", index=False)
        (folder / "result.json").write_text(json.dumps(RESULT))
        (folder / "environment.json").write_text('{"torch": "2.13", "python": "3.11", "machine": "arm64"}')
        (folder / "weights.safetensors").write_bytes(b"")
        for name, frame in more.items():
            frame.to_parquet(folder / name, index=False)
        work.finish(CellOutcome("done"))
    return store.home(cell.key)


def end(store: Store, cell: Cell, status: Status, reason: str) -> None:
    with store.begin(cell) as work:
        assert work is not None
        work.finish(CellOutcome(status, reason))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "runs", create=True)


def row(frames: Frames, cell: Cell) -> pd.Series[Any]:
    found = frames.cells[frames.cells["cell"] == cell.key]
    assert len(found) == 1
    return found.iloc[0]


def test_an_empty_store_has_every_column(store: Store) -> None:
    frames = read_frames(store)
    assert frames.cells.empty
    assert frames.predictions.empty
    assert frames.curves.empty
    assert list(frames.cells.columns) == columns.CELLS.names
    assert list(frames.predictions.columns) == columns.PREDICTIONS.names
    assert list(frames.curves.columns) == columns.CURVES.names


def test_a_done_cell_brings_its_facts_predictions_and_curve(store: Store) -> None:
    cell = make_cell("rope", seed=3, attention="linear")
    train(store, cell)
    frames = read_frames(store)
    found = row(frames, cell)
    assert found[IDENTITY].tolist() == [
        cell.key,
        "rope[x=1] · linear",
        "rope",
        "softmax",
        "decoder",
        "copy[gap=3]",
        3,
    ]
    assert found["status"] == "done"
    assert found["parameters"] == 1234
    assert found["undefined_lengths"] == (64, 128)
    assert found["objectives"] == ("mlm", "nsp")
    assert pd.isna(found["max_length"])
    assert found["machine"] == "arm64"
    assert found["started"].tz is not None
    assert list(frames.predictions.columns) == columns.PREDICTIONS.names
    assert (
        frames.predictions[PREDICTIONS]
        .astype({"stratum": "str"})
        .equals(
            predictions("recall", 4, correct=True)[PREDICTIONS]
            .assign(objective=pd.Categorical(["recall"] * 4, categories=["unused", "recall"]))
            .astype({"stratum": "str"})
        )
    )
    assert frames.predictions["seed"].tolist() == [3] * 4
    pd.testing.assert_frame_equal(
        frames.curves[CURVES], curve("recall"), check_categorical=False, check_dtype=False
    )


def test_no_text_of_a_store_steers_where_it_is_shown_or_is_endless(store: Store) -> None:
    cell, skipped = make_cell("rope"), make_cell("alibi")
    home = train(store, cell, objective="\u202erecall")
    facts = {"family": "\x1b[31mred", "objectives": ["\u2066mlm", "nsp"], "distance": "x" * 3000}
    (home / "result.json").write_text(json.dumps(RESULT | facts))
    write_checksums(home, cell.key)
    end(store, skipped, "skipped", "\u202e" + "y" * 3000)
    frames = read_frames(store)
    found = row(frames, cell)
    assert found["status"] == "done"
    assert found["family"] == "\N{REPLACEMENT CHARACTER}[31mred"
    assert found["objectives"] == ("\N{REPLACEMENT CHARACTER}mlm", "nsp")
    assert len(found["distance"]) < 2010
    assert len(row(frames, skipped)["reason"]) < 2010
    assert row(frames, skipped)["reason"].startswith("\N{REPLACEMENT CHARACTER}y")
    for frame in (frames.predictions, frames.curves):
        assert frame["objective"].dtype == "category"
        assert set(frame["objective"]) == {"\N{REPLACEMENT CHARACTER}recall"}


def test_rows_stay_with_their_cell(store: Store) -> None:
    cells = [make_cell(name, seed) for name in ("rope", "alibi") for seed in (1, 0)]
    for index, cell in enumerate(cells):
        objective = "mlm" if index % 2 else "recall"
        train(store, cell, objective=objective, rows=5 + index, correct=index % 2 == 0)
    frames = read_frames(store)
    assert frames.cells[["encoding", "seed"]].to_numpy().tolist() == [
        ["alibi", 0],
        ["alibi", 1],
        ["rope", 0],
        ["rope", 1],
    ]
    for index, cell in enumerate(cells):
        rows = frames.predictions[frames.predictions["cell"] == cell.key]
        assert len(rows) == 5 + index
        assert set(rows["encoding"]) == {cell.encoding.name}
        assert set(rows["seed"]) == {cell.seed}
        assert set(rows["objective"]) == {"mlm" if index % 2 else "recall"}
        assert rows["correct"].all() == (index % 2 == 0)
    for name in ("cell", "label", "encoding", "attention", "body", "task", "split", "objective", "stratum"):
        assert isinstance(frames.predictions[name].dtype, pd.CategoricalDtype)
    assert frames.predictions["correct"].dtype == bool


def test_every_status_is_there_with_its_reason(store: Store) -> None:
    train(store, make_cell("rope"))
    ends: list[Status] = ["failed", "diverged", "timeout", "crashed", "skipped"]
    for seed, status in enumerate(ends):
        end(store, make_cell("none", seed), status, f"because of {status}")
    with store.begin(make_cell("none", 5)):
        pass
    with store.begin(make_cell("none", 6)) as work:
        assert work is not None
        curve("recall").to_parquet(work.folder / "curve.parquet", index=False)
        work.report(Progress(make_cell("none", 6).key, "training", 1, 2))
        frames = read_frames(store)
    assert frames.cells["status"].tolist() == [*ends, "interrupted", "running", "done"]
    assert frames.cells["reason"].tolist()[:5] == [f"because of {status}" for status in ends]
    failed = row(frames, make_cell("none", 0))
    assert failed[["parameters", "score", "torch", "distance"]].isna().all()
    assert (failed["objectives"], failed["undefined_lengths"]) == ((), ())
    assert failed["seconds"] >= 0
    assert set(frames.predictions["encoding"]) == {"rope"}
    assert set(frames.curves["seed"]) == {0, 6}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("predictions.parquet", b"PAR1 half"),
        ("predictions.parquet", None),
        ("curve.parquet", b""),
        ("result.json", b'{"parameters": 1'),
        ("environment.json", b"[]"),
        ("cell.json", b'{"encoding": 3}'),
        ("cell.json", None),
        ("status.json", b"\xff"),
        ("status.json", b'{"status": "perfect"}'),
    ],
)
def test_a_corrupt_cell_does_not_take_the_others_down(store: Store, name: str, content: bytes | None) -> None:
    bad, good = make_cell("rope", 1), make_cell("rope", 2)
    folder = train(store, bad)
    train(store, good)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    frames = read_frames(store)
    assert row(frames, good)["status"] == "done"
    assert row(frames, bad)["status"] == "failed"
    assert "folder" in row(frames, bad)["reason"] or "cannot be read" in row(frames, bad)["reason"]
    assert set(frames.predictions["cell"]) == {good.key}


def test_predictions_of_another_shape_are_corrupt(store: Store) -> None:
    cell = make_cell("rope")
    shape = predictions("recall", 3, correct=True).drop(columns="chance")
    train(store, cell, more={"predictions.parquet": shape})
    frames = read_frames(store)
    assert row(frames, cell)["status"] == "failed"
    assert frames.predictions.empty


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("correct", None),
        ("length", None),
        ("objective", None),
        ("decoding", "backwards"),
        ("blind", math.inf),
        ("chance", -math.inf),
    ],
)
def test_predictions_that_hold_what_they_cannot_are_corrupt(store: Store, column: str, value: object) -> None:
    cell, good = make_cell("rope"), make_cell("rope", 2)
    train(
        store,
        cell,
        more={"predictions.parquet": predictions("recall", 3, correct=True).assign(**{column: value})},
    )
    train(store, good)
    frames = read_frames(store)
    assert row(frames, cell)["status"] == "failed"
    assert column in row(frames, cell)["reason"]
    assert set(frames.predictions["cell"]) == {good.key}


def test_endless_numbers_and_dates_without_fractions_take_nothing_down(store: Store) -> None:
    bad, worse, good = (make_cell("rope", seed) for seed in range(3))
    for cell, fact in ((bad, {"parameters": 10**400}), (worse, {"undefined_lengths": [10**30]})):
        folder = train(store, cell)
        (folder / "result.json").write_text(json.dumps(RESULT | fact))
        write_checksums(folder, cell.key)
    folder = train(store, good)
    status = json.loads((folder / "status.json").read_text()) | {"started": "2031-12-31T23:59:59+00:00"}
    (folder / "status.json").write_text(json.dumps(status))
    write_checksums(folder, good.key)
    frames = read_frames(store)
    assert [row(frames, cell)["status"] for cell in (bad, worse, good)] == ["failed", "failed", "done"]
    assert row(frames, good)["started"].year == 2031


def test_a_cell_with_interventions_brings_them_and_one_without_has_none(store: Store) -> None:
    cell = make_cell("rope", seed=3)
    train(store, make_cell("rope", seed=4))
    changed = predictions("recall", 4, correct=True).assign(change="source", outcome=["kept", *3 * ["broke"]])
    rows = columns.INTERVENTIONS.checked(changed[[c.name for c in columns.INTERVENTIONS.own_columns]])
    train(store, cell, more={"interventions.parquet": rows})
    frames = read_frames(store)
    assert off_schema(frames) == []
    assert frames.interventions["cell"].tolist() == [cell.key] * 4
    assert frames.interventions["outcome"].tolist() == ["kept", *3 * ["broke"]]
    other = make_cell("rope", seed=5)
    train(store, other, more={"interventions.parquet": rows.drop(columns="outcome")})
    assert row(read_frames(store), other)["status"] == "failed"


def test_examples_come_with_the_frames_and_for_one_cell(store: Store) -> None:
    cell = make_cell("rope", seed=3)
    train(store, make_cell("rope", seed=4))
    rows = predictions("recall", 2, correct=True)[[c.name for c in columns.EXAMPLES.own_columns[:8]]]
    rows = rows.assign(
        tokens="a b ?", memory="", answer="a", prediction="b", changed_answer="", changed_prediction=""
    )
    rows["sources"] = [[0], []]
    train(store, cell, more={"examples.parquet": columns.EXAMPLES.checked(rows)})
    frames = read_frames(store)
    assert off_schema(frames) == []
    assert frames.examples["cell"].tolist() == [cell.key] * 2
    assert frames.examples["sources"].tolist() == [(0,), ()]
    alone = read_rows(store, cell.key, columns.EXAMPLES)
    assert alone is not None
    assert alone["tokens"].tolist() == ["a b ?", "a b ?"]
    assert read_rows(store, make_cell("rope", seed=4).key, columns.EXAMPLES) is None


HELD = {"texts": tuple, "ints": tuple, "mappings": tuple, "mapping": dict}


def off_schema(frames: Frames) -> list[str]:
    """The columns that are not what the schema says, by frame."""
    wrong = []
    for table in columns.TABLES:
        frame = getattr(frames, table.name)
        assert list(frame.columns) == table.names
        for column in table.columns:
            kind, cells = frame[column.name].dtype, table is columns.CELLS
            if column.type in HELD:
                right = all(isinstance(value, HELD[column.type]) for value in frame[column.name])
            elif column.type == "text":
                right = pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)
                own = cells or column not in columns.IDENTITY
                right = right if own else isinstance(kind, pd.CategoricalDtype)
            elif column.type == "time":
                right = isinstance(kind, pd.DatetimeTZDtype)
            else:
                right = str(kind) == ("Int64" if cells and column.type == "int64" else column.type)
            wrong += [] if right else [f"{table.name}.{column.name}: {kind}"]
    return wrong


def test_a_store_gives_what_the_schema_says(store: Store) -> None:
    assert off_schema(read_frames(store)) == []
    train(store, make_cell("rope", 1))
    end(store, make_cell("rope", 2), "failed", "why")
    train(store, make_cell("alibi", 1))
    (store.home(make_cell("alibi", 1).key) / "cell.json").unlink()
    assert off_schema(read_frames(store)) == []


@pytest.mark.parametrize("make", [sample_frames, unfinished_frames, empty_frames])
def test_the_sample_frames_are_what_the_schema_says(make: Callable[[], Frames]) -> None:
    assert off_schema(make()) == []


def test_a_misspelt_column_is_refused_with_the_right_name() -> None:
    rows = predictions("recall", 2, correct=True)
    assert list(columns.PREDICTIONS.checked(rows)) == PREDICTIONS
    with pytest.raises(
        ValueError, match=r"no column 'chance', unknown column 'chanse' \(did you mean 'chance'"
    ):
        columns.PREDICTIONS.checked(rows.rename(columns={"chance": "chanse"}))


def test_every_column_is_documented_in_its_table() -> None:
    text = columns.columns_markdown()
    for table in columns.TABLES:
        assert f"## `{table.name}`" in text
        for column in table.columns:
            assert f"| `{column.name}` | {columns.TYPES[column.type]} | {column.meaning} |" in text
    assert all(column.meaning.count("|") == 0 for table in columns.TABLES for column in table.columns)
