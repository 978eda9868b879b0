"""`harness cost`: the measurements of each plugin by length, and what is stopped."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from posharness.cli.app import main
from posharness.cost.measure import parse_lengths
from posharness.errors import UserError
from posharness.store import Store
from posharness.store.costs import read_costs


def test_lengths_double_or_are_listed() -> None:
    assert parse_lengths("128..1024") == [128, 256, 512, 1024]
    assert parse_lengths("100..399") == [100, 200]
    assert parse_lengths("64,16") == [16, 64]


@pytest.mark.parametrize("text", ["", "8..4", "0..8", "a", "4,-1"])
def test_lengths_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="128\\.\\.8192"):
        parse_lengths(text)


def test_each_plugin_is_measured_at_each_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "costs.csv"
    arguments = ["cost", "--plugins", "rpe,additive", "--lengths", "8,16", "--json"]
    arguments += ["--csv", str(file), "--figure", str(tmp_path / "costs.svg")]
    arguments += ["--store", str(tmp_path / "runs")]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["plugin"], one["length"]) for one in found] == [
        ("rpe", 8),
        ("rpe", 16),
        ("additive", 8),
        ("additive", 16),
    ]
    kept = read_costs(Store.open(tmp_path / "runs", create=False))
    assert kept["seconds"].tolist() == [one["seconds"] for one in found]
    assert all(0 < one["fastest"] <= one["seconds"] <= one["slowest"] for one in found)
    assert not any(one["stopped"] for one in found)
    assert "additive" in (tmp_path / "costs.svg").read_text()
    with file.open() as written:
        assert [row["length"] for row in csv.DictReader(written)] == ["8", "16", "8", "16"]


def test_what_takes_too_much_is_stopped_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    common = ["cost", "--plugins", "relative", "--lengths", "8,2048,4096"]
    assert main([*common, "--memory", "40"]) == 0
    out = capsys.readouterr().out
    assert "relative was stopped at 2,048 tokens: more memory than the limit." in out
    assert main([*common[:3], "--lengths", "8", "--timeout", "0.1"]) == 0
    assert "relative was stopped at 8 tokens: more than 0.1 seconds." in capsys.readouterr().out


def test_an_unknown_plugin_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--plugins", "relativ"]) == 2
    assert "relative" in capsys.readouterr().err
    assert main(["cost", "--plugins", "relative[clip=4|8]"]) == 2
    assert "grid" in capsys.readouterr().err
    assert main(["cost", "--figure", "costs.txt"]) == 2
    assert ".svg" in capsys.readouterr().err
