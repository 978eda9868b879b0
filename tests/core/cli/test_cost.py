"""`harness cost`: the measurements of each plugin by length, and what is stopped."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from posharness.cli.app import main
from posharness.cost import measure
from posharness.cost.figure import draw
from posharness.cost.measure import Cost, Limits, costs, parse_lengths
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
    assert main(["cost", "--plugins", "additve"]) == 2
    assert "did you mean 'additive'" in capsys.readouterr().err
    assert main(["cost", "--plugins", ","]) == 2
    assert "No plugins are named" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--csv", "--figure"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", option, str(tmp_path / "none" / "costs.svg")]) == 2
    assert capsys.readouterr().err.startswith(f"harness: {option} ")


LIMITED = """
import sys

from posharness.contracts import PositionalEncoding, hookimpl

class Both(PositionalEncoding):
    name = "both_sides"
    directions = frozenset({"bidirectional"})

class Short(PositionalEncoding):
    name = "short"

    def __init__(self, geometry):
        super().__init__(geometry)
        self.max_length = 8

class Chatty(PositionalEncoding):
    name = "chatty"

    def embed(self, x, pos):
        print("embedding")
        sys.stderr.write("!" * 200_000 + "\\n")
        return x

@hookimpl
def posharness_encodings():
    return [Both, Short, Chatty]
"""


def test_what_an_encoding_is_not_defined_for_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "limited.py"
    file.write_text(LIMITED)
    assert (
        main(["cost", "--plugins", "both_sides,short", "--lengths", "8,16", "--plugin-path", str(file)]) == 0
    )
    out = " ".join(capsys.readouterr().out.split())
    assert "both_sides was stopped at 8 tokens: both_sides is not defined for causal attention." in out
    assert "short was stopped at 16 tokens: it is defined for up to 8 tokens." in out


def test_a_plugin_may_print_what_it_likes(tmp_path: Path) -> None:
    file = tmp_path / "limited.py"
    file.write_text(LIMITED)
    (found,) = costs("chatty", [8], Limits(seconds=60, mebibytes=4096), paths=[file])
    assert found.seconds > 0


def test_what_was_measured_before_ctrl_c_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(plugin: str, *_: object, **__: object) -> Iterator[Cost]:
        yield Cost(plugin, 8, seconds=0.25, mebibytes=3.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "costs", stopped)
    assert main(["cost", "--plugins", "none,relative", "--lengths", "8,16"]) == 130
    assert "250.0" in capsys.readouterr().out


def test_no_two_of_many_lines_look_alike(tmp_path: Path) -> None:
    names = [f"plugin{number}" for number in range(36)]
    found = [Cost(name, length, seconds=length, mebibytes=1.0) for name in names for length in (8, 16)]
    draw(found, tmp_path / "costs.svg")
    drawn = (tmp_path / "costs.svg").read_text()
    lines = re.findall(r'clip-path="[^"]*" style="([^"]*)"', drawn)
    assert len(lines) == 2 * len(names)
    assert len(set(lines)) == len(names)


def test_names_are_whole_on_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(plugin: str, lengths: Sequence[int], *_: object, **__: object) -> list[Cost]:
        return [Cost(plugin, length, seconds=12.345, mebibytes=3000.0) for length in lengths]

    monkeypatch.setattr(measure, "costs", measured)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["cost", "--plugins", "position_interpolation,none", "--lengths", "128..8192"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["position_interpolation", "12,345.0"] for line in lines)
    assert any("milliseconds of a step" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_memory_does_not_depend_on_the_lengths_before() -> None:
    def at(*lengths: int) -> float:
        *_, last = costs("relative", lengths, Limits(seconds=60, mebibytes=4096))
        return last.mebibytes

    alone = at(512)
    assert at(256, 384, 512) == pytest.approx(alone, rel=0.1)
