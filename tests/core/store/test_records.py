"""What was tuned and how often results were looked at goes with the cells, and is checked like them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posharness.store.exchange import merge, pack, unpacked
from posharness.store.maintenance import check_store
from posharness.store.records import merge_records
from posharness.store.store import Store
from posharness.until_decided import recorded_looks
from tests.core.store.test_store import CELL, complete


def store_of(path: Path, **records: Any) -> Store:
    store = Store.open(path, create=True)
    for name, content in records.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return store


def read(store: Store, name: str) -> Any:
    return json.loads((store.path / name).read_text())


def tuned(**trials: float) -> dict[str, Any]:
    return {"trials": {key: {"lr": lr} for key, lr in trials.items()}, "final": {}}


def test_a_merge_keeps_what_both_tuned_and_the_later_look(tmp_path: Path) -> None:
    into = store_of(tmp_path / "a", tuning=tuned(one=0.1), looks={"seeds": [3, 5], "look": 2})
    other = store_of(tmp_path / "b", tuning=tuned(two=0.2), looks={"seeds": [3, 5], "look": 1})
    assert merge(into, other).records == {}
    assert read(into, "tuning.json") == tuned(one=0.1, two=0.2)
    assert read(into, "looks.json")["look"] == 2
    assert merge(other, into).records == {}
    assert read(other, "looks.json")["look"] == 2
    new = store_of(tmp_path / "c")
    merge(new, into)
    looks = recorded_looks(new.path)
    assert looks is not None
    assert (looks.seeds, looks.look) == ((3, 5), 2)


def test_records_that_do_not_fit_together_or_are_damaged_are_named(tmp_path: Path) -> None:
    into = store_of(tmp_path / "a", tuning=tuned(one=0.1), looks={"seeds": [3, 5], "look": 2})
    other = store_of(tmp_path / "b", tuning=tuned(one=0.2), looks={"seeds": [3, 6], "look": 1})
    refused = merge_records(into.path, other.path)
    assert set(refused) == {"tuning.json", "looks.json"}
    assert all("kept our own" in reason for reason in refused.values())
    assert read(into, "tuning.json") == tuned(one=0.1)
    (other.path / "looks.json").write_text("[]")
    assert "cannot be read" in merge_records(into.path, other.path)["looks.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("looks.json", '{"seeds": [3, 5], "look": 3}'),
        ("looks.json", '{"seeds": [5, 3], "look": 1}'),
        ("looks.json", '{"seeds": "35", "look": 1}'),
        ("looks.json", '{"seeds": [3, 5], "look": true}'),
        ("tuning.json", '{"trials": {}}'),
        ("tuning.json", '{"trials": {"k": 1}, "final": {}}'),
        ("tuning.json", "{"),
    ],
)
def test_check_names_a_damaged_record(tmp_path: Path, name: str, content: str) -> None:
    store = store_of(tmp_path / "a", tuning=tuned(one=0.1), looks={"seeds": [3, 5], "look": 2})
    assert not list(check_store(store))
    (store.path / name).write_text(content)
    assert [problem.cell for problem in check_store(store)] == [name]


def test_records_are_packed_with_the_cells(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a", tuning=tuned(one=0.1), looks={"seeds": [3, 5], "look": 1})
    complete(store, CELL)
    pack(store, [CELL.key], tmp_path / "packed.tar.gz")
    into = store_of(tmp_path / "b")
    with unpacked(tmp_path / "packed.tar.gz", into) as other:
        assert merge(into, other).added == [CELL.key]
    assert read(into, "tuning.json") == tuned(one=0.1)
    assert read(into, "looks.json") == {"seeds": [3, 5], "look": 1}
