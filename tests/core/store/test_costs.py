"""What `harness cost` measured is kept in the store, and a report of the store has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.columns import COSTS
from posharness.errors import UserError
from posharness.store import Store
from posharness.store.costs import add_costs, read_costs
from posharness.store.frames import read_frames


def row(plugin: str, length: int, seconds: float | None, **more: Any) -> dict[str, Any]:
    rest = dict.fromkeys(("fastest", "slowest", "mebibytes"), seconds)
    return {"plugin": plugin, "length": length, "batch": 1, "seconds": seconds, "stopped": "", **rest, **more}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "runs", create=True)


def test_measurements_are_kept_and_measured_again_replaced(store: Store) -> None:
    assert read_costs(store).empty
    add_costs(store, [row("none", 8, 0.5), row("t5", 8, 0.7)])
    add_costs(store, [row("t5", 8, 0.6), row("t5", 16, None, stopped="too long"), row("t5", 8, 2, batch=4)])
    found = read_frames(store).costs
    assert list(found.columns) == [column.name for column in COSTS.own_columns]
    assert found["seconds"].tolist()[:2] == [0.5, 0.6]
    assert found["batch"].tolist() == [1, 1, 1, 4]
    assert found["seconds"].isna().tolist() == [False, False, True, False]
    assert found["stopped"].tolist() == ["", "", "too long", ""]
    assert str(found["length"].dtype) == "int64"


@pytest.mark.parametrize("text", ["", "[]", '{"costs": [{"plugin": "none"}]}', '{"costs": 3}'])
def test_a_damaged_file_is_named_with_what_to_do(store: Store, text: str) -> None:
    (store.path / "costs.json").write_text(text)
    with pytest.raises(UserError, match=r"costs\.json cannot be read.*[Dd]elete it"):
        read_costs(store)
