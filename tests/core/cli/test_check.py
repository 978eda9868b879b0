"""`harness check`: what it prints of plugins that keep their contract and of plugins that do not."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from posharness.cli import main
from posharness.conformance.__main__ import lines_about
from posharness.errors import UserError

LEAKING = '''
"""An encoding that leaks, and a task that is right."""
import torch
from posharness.contracts import Batch, Objective, PositionalEncoding, Task, hookimpl

print("imported")

class Leaking(PositionalEncoding):
    name = "leaking"

    def embed(self, x, pos):
        print("embedding")
        return x + x.roll(-1, 1) * pos[:, None]

class Same(Task):
    name = "same"
    bodies = ("decoder",)

    def __init__(self, body, *, length: int = 7):
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = length, (length,), 5
        self.objectives = (Objective("same", classes=5, chance=0.2),)

    def sample(self, generator, n, length, split):
        tokens = torch.randint(5, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens))

@hookimpl
def posharness_encodings():
    return [Leaking]

@hookimpl
def posharness_tasks():
    return [Same]
'''


def harness(*arguments: str | Path) -> tuple[int, str, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        status = main([str(argument) for argument in arguments])
    return status, out.getvalue(), err.getvalue()


def checked(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    status, out, _ = harness("check", *arguments, "--json")
    return status, json.loads(out)


def fails(plugin: dict[str, Any]) -> dict[str, str]:
    return {item["check"]: item["why"] for item in plugin["findings"] if item["verdict"] == "fails"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A plugin file with the text that the test is parametrised by."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "mine.py"
    path.write_text(request.param)
    return path


@pytest.mark.parametrize("file", [LEAKING], indirect=True)
def test_a_file_is_checked_whole_and_what_it_prints_is_kept_apart(file: Path) -> None:
    status, (leaking, same) = checked(file)
    assert status == 1
    assert (leaking["name"], leaking["kind"]) == ("leaking", "encoding")
    assert fails(leaking)["causality"].startswith("causal: position 1 reads the future")
    assert (same["name"], same["kind"], fails(same)) == ("same", "task", {})
    # A part of it can be asked for, with parameters.
    status, out, _ = harness("check", "same[length=5]", "--plugin-path", file)
    assert status == 0
    assert out.splitlines()[0].strip() == "task same[length=5]"
    assert out.splitlines()[-1] == "same[length=5]: 11 hold, 0 fail, 6 not applicable"
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())


def test_a_grid_of_a_built_in_is_checked_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = harness("check", "relative[clip=3|5]")
    assert (status, err) == (0, "")
    assert "encoding relative[clip=3]" in out
    assert "encoding relative[clip=5]" in out
    assert "shift invariance      holds" in out
    assert "max length            not applicable  it declares no max_length" in out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("while True: pass", "hangs at import (mine.py, line 1): not done after 2 s"),
        ("import os; os._exit(3)", "ends the process with exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ends the process with signal 9"),
    ],
    indirect=["file"],
)
def test_a_file_that_ends_or_hangs_the_process_is_told_of_by_name(file: Path, said: str) -> None:
    status, (plugin,) = checked(file, "--timeout", "2")
    assert status == 1
    assert plugin["name"] == str(file)
    assert fails(plugin)["loads"].startswith(said)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def (", "SyntaxError: invalid syntax"),
        ("import sys; sys.exit('no licence')", "SystemExit: no licence"),
    ],
    indirect=["file"],
)
def test_a_file_that_cannot_be_loaded_is_told_of_by_name(file: Path, said: str) -> None:
    plugin, finding = lines_about(str(file), (), lambda _: None)
    assert plugin == {"plugin": {"name": str(file), "kind": "plugin"}}
    assert (finding["finding"]["check"], finding["finding"]["verdict"]) == ("loads", "fails")
    assert finding["finding"]["why"].startswith(said)


HANGING = """
from posharness.contracts import PositionalEncoding, hookimpl

class Hanging(PositionalEncoding):
    name = "hanging"

    def embed(self, x, pos):
        while x.shape[1] > 100:
            pass
        return x + pos[:, None] * x.new_tensor(range(x.shape[2]))

@hookimpl
def posharness_encodings():
    return [Hanging]
"""


@pytest.mark.parametrize("file", [HANGING], indirect=True)
def test_a_check_that_hangs_ends_with_what_was_found_before_it(file: Path) -> None:
    status, (plugin,) = checked(file, "--timeout", "3")
    assert status == 1
    found = {item["check"]: item for item in plugin["findings"]}
    assert found["shapes"]["verdict"] == "holds"
    last = plugin["findings"][-1]
    assert (last["check"], last["verdict"]) == ("extrapolation", "fails")
    assert last["why"] == "hangs (mine.py, line 8): not done after 3 s"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["relativ"], "Nothing to check is called 'relativ'; did you mean 'relative'"),
        (["relative", "--timeout", "0"], "--timeout 0: expected seconds above 0"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_ends_in_one_sentence(arguments: list[str], said: str) -> None:
    status, out, err = harness("check", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("absent.py", "absent.py: there is no such file"),
        ("relative[clop=3]", "relative has no parameter 'clop'; did you mean 'clip'?"),
        ("relative[clip=0]", "relative[clip=0]: clip must be 1 or more"),
        ("ropy", "Nothing to check is called 'ropy'; did you mean 'rope'"),
    ],
)
def test_what_cannot_be_checked_is_a_mistake(target: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        list(lines_about(target, (), lambda _: None))
