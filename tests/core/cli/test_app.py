"""The command line: what each command prints, and the exit status it ends with."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from posharness.cli.stopping import Stopped, exit_status
from posharness.store import Store

from ..commands import harness

COMMANDS = (
    "run",
    "evaluate",
    "list",
    "show",
    "status",
    "report",
    "publish",
    "export",
    "check",
    "cost",
    "new",
    "verify",
)

pytestmark = pytest.mark.usefixtures("terminal")


class TestHelp:
    def test_no_help_waits_for_the_heavy_libraries(self) -> None:
        code = (
            "import sys; from posharness.cli import main\n"
            f"for command in {COMMANDS}: main([command, '--help'])\n"
            "main(['--help'])\n"
            "heavy = {'torch', 'numpy', 'pandas', 'pyarrow', 'pytorch_lightning', 'datasets', 'matplotlib'}\n"
            "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
        )
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")

    def test_the_status_of_a_store_does_not_wait_for_torch(self, tmp_path: Path) -> None:
        Store.open(tmp_path / "runs", create=True)
        code = (
            "import sys; from posharness.cli import main\n"
            f"assert main(['status', {str(tmp_path / 'runs')!r}]) == 0\n"
            "heavy = {'torch', 'pandas', 'pyarrow', 'matplotlib'}\n"
            "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
        )
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")

    @pytest.mark.parametrize("command", COMMANDS)
    def test_each_command_shows_examples_that_fit_eighty_columns(
        self, command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        ended = harness(command, "--help")
        assert ended.status == 0
        lines = ended.out.splitlines()
        assert max(map(len, lines)) <= 80
        examples = [line for line in lines if line.startswith(f"   harness {command}")]
        assert examples
        assert "<bool>" not in ended.out
        assert "[default: (" not in ended.out
        assert harness(command, "-h") == ended
        # Nothing that belongs to an example is folded onto the next line.
        below = lines[lines.index(next(line for line in lines if line.startswith(" Examples"))) + 1 :]
        assert len(examples) == len(below[: [line.strip() for line in below].index("")])
        assert all(len(line.rstrip()) < 80 for line in examples)

    def test_nothing_given_is_a_question_for_help(self) -> None:
        assert harness() == harness("--help")

    def test_version(self) -> None:
        ended = harness("--version")
        assert ended.status == 0
        assert re.fullmatch(r"posharness \d+\.\d+\.\d+\n", ended.out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rum"], ["'rum'", "did you mean 'run'?", "harness --help"]),
        (["run", "--plugin", "rope"], ["'--plugin'", "did you mean", "'--plugins'", "harness run --help"]),
        (["run", "--seeds", "x"], ["--seeds", "integer", "'x'"]),
        (["run", "--seeds", "0"], ["--seeds", "1", "'0'"]),
        (["run", "--workers", "0"], ["--workers", "1", "'0'"]),
        (["run", "--timeout", "0"], ["--timeout 0", "above 0"]),
        (["report", "--style", "papr"], ["'--style': 'papr' is not one of 'page', 'paper'. See "]),
        (["run", "--plugins"], ["--plugins", "requires an argument"]),
        (["publish", "x"], ["--to"]),
        (["show"], ["NAME"]),
        (["list", "encoding"], ["'encoding'", "did you mean 'encodings'"]),
        (["status", "a", "--store", "b"], ["a", "--store b"]),
        (["run"], ["--plugins"]),
        (["run", "--plugins", "ropy"], ["'ropy'", "did you mean", "'rope'"]),
        (["run", "--plugins", "rope[bass=1]"], ["rope", "'bass'", "did you mean 'base'?"]),
        (["run", "--plugins", "rope[base=x]"], ["rope[base=x]", "a number"]),
        (["run", "--plugins", "rope[base=1"], ["rope[base=1", "']'"]),
        (["run", "--plugins", "rope", "--tasks", "cpoy"], ["'cpoy'", "did you mean 'copy'?"]),
        (["run", "--plugins", "rope", "--bodies", "decodr"], ["--bodies", "did you mean 'decoder'"]),
        (
            ["run", "--plugins", "rope", "--size", "huge"],
            ["--size", "'huge'", "known: base, medium,", "tiny."],
        ),
        (["run", "--plugins", "rope", "--set", "budget.stepz=3"], ["--set", "did you mean 'budget.steps'?"]),
        (["run", "--plugins", "rope", "--executor", "foo"], ["--executor", "known: local, ray, slurm."]),
        (["run", "--plugins", "rope", "--compiler", "foo"], ["--compiler", "known: html."]),
        (["run", "--plugins", "rope", "--tasks", "bert", "--readings", "foo"], ["--readings", "known: "]),
        (["list", "foo"], ["'foo'", "known: ", "tasks."]),
        (["list", "--plugin-path", "."], ["--plugin-path .", "this is a folder"]),
        (["run", "--plugins", "rope", "--preset", "quik"], ["'quik'", "did you mean 'quick'?"]),
        (["run", "--plugins", "rope", "--config", "absent.toml"], ["absent.toml", "cannot be read"]),
        (["run", "--plugins", "rope", "--config", "unknown.toml"], ["'sedes'", "did you mean 'seeds'?"]),
        (["run", "--plugins", "rope", "--config", "wrong.toml"], ["steps", "integer", "'many'"]),
        (["run", "--plugins", "rope", "--config", "broken.toml"], ["broken.toml", "TOML"]),
        (["run", "--plugins", "rope", "--plugin-path", "absent.py"], ["absent.py", "no such file"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--corpus", "a.txt"], ["a.txt", "copy", "bert"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--text-column", "body"], ["--text-column", "bert"]),
        (["run", "--plugins", "rope", "--tasks", "bert[length=5]", "--dry-run"], ["pairs of 5 tokens"]),
        (["run", "--plugins", "rope", "--tasks", "bert", "--corpus", "absent.txt"], ["absent.txt"]),
        (["run", "--plugins", "rope", "--tasks", "bert", "--corpus", "empty.txt"], ["empty.txt"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--store", "file"], ["file", "--store"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--store", "/proc/runs"], ["/proc/runs", "written"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--store", "other"], ["other", "format 99"]),
        (["status"], ["runs", "harness run"]),
        (["report", "nowhere"], ["nowhere", "harness run"]),
        (["show", "rpo"], ["'rpo'", "did you mean"]),
        (["show", "cafe"], ["runs"]),
        (["publish", "absent.html", "--to", "site"], ["absent.html"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_wrong_input_ends_in_one_sentence(arguments: list[str], expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "unknown.toml").write_text("sedes = 3")
    (tmp_path / "wrong.toml").write_text('[budget]\nsteps = "many"')
    (tmp_path / "broken.toml").write_text("= 3")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "file").write_text("no store")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "store.json").write_text('{"format": 99, "posharness": "9.0"}')
    before = sorted(tmp_path.rglob("*"))
    ended = harness(*arguments)
    assert ended.status == 2, ended
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("harness: ")
    assert "Traceback" not in ended.out + ended.err
    for part in expected:
        assert part in ended.err
    assert sorted(tmp_path.rglob("*")) == before


class TestList:
    def test_json_names_what_there_is(self) -> None:
        ended = harness("list", "--json")
        assert ended.status == 0
        found = json.loads(ended.out)
        encodings = {item["name"]: item for item in found["encodings"]}
        assert {"absolute", "relative", "rope", "alibi", "learned", "none"} <= encodings.keys()
        relative = encodings["relative"]
        assert "rpe" in relative["aliases"]
        assert relative["paper"] == "arXiv:1803.02155"
        assert relative["slots"] == ["scores", "values"]
        assert {"name": "clip", "default": 16, "type": "int", "choices": []} in relative["parameters"]
        assert relative["variants"] == ["relative[values=false]", "relative[trained=false]"]
        assert "softmax" in [item["name"] for item in found["attentions"]]
        tasks = {item["name"]: item for item in found["tasks"]}
        assert tasks["copy"]["bodies"] == ["decoder"]
        assert tasks["copy"]["length"] in tasks["copy"]["evaluation_lengths"]
        assert 0 < tasks["copy"]["objectives"][0]["chance"] < 1
        assert {"quick", "smoke", "standard"} <= {item["name"] for item in found["presets"]}
        assert found["broken"] == []

    def test_kinds_are_chosen_by_flag_or_by_name(self) -> None:
        assert set(json.loads(harness("list", "--tasks", "--json").out)) == {"tasks", "broken"}
        assert harness("list", "tasks").out == harness("list", "--tasks").out

    def test_every_plugin_stands_in_the_table_with_its_aliases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        ended = harness("list")
        words = ended.out.split()
        for item in json.loads(harness("list", "--encodings", "--json").out)["encodings"]:
            assert {item["name"], *item["aliases"]} <= set(words)
        assert max(map(len, ended.out.splitlines())) <= 80

    def test_a_broken_plugin_is_listed_with_its_error_and_shown_with_its_traceback(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "sunk.py"
        path.write_text("import absent_module_of_a_plugin")
        ended = harness("list", "encodings", "--plugin-path", path)
        assert ended.status == 0
        assert "relative" in ended.out
        assert f"Could not be loaded: sunk ({path}): ModuleNotFoundError" in ended.out
        (broken,) = json.loads(harness("list", "--json", "--plugin-path", path).out)["broken"]
        assert broken["name"] == "sunk"
        assert "absent_module_of_a_plugin" in broken["traceback"]
        assert "Traceback" in harness("show", "sunk", "--plugin-path", path).out
        assert harness("run", "--plugins", "sunk", "--plugin-path", path).status == 2


class TestShow:
    def test_a_plugin_by_its_alias(self) -> None:
        ended = harness("show", "rpe")
        assert ended.status == 0
        for part in ("relative", "clip=16", "arXiv:1803.02155", "relative.py", "a^K"):
            assert part in ended.out
        card = json.loads(harness("show", "rpe", "--json").out)
        assert (card["kind"], card["name"]) == ("encoding", "relative")
        assert "Shaw" in card["doc"]

    def test_a_docstring_fills_the_width_and_a_path_is_one_word(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "60")
        out = harness("show", "copy").out
        card = json.loads(harness("show", "copy", "--json").out)
        assert card["source"] in out
        assert "copy: 16 classes, chance 0.062" in out
        assert "    answers   . . . . . . . . . . . a c a          . . . . . . . . . . . b d a\n" in out
        text = [line for line in out.partition("At the emitting")[2].splitlines() if line]
        assert max(map(len, text)) <= 60

    def test_a_preset(self) -> None:
        card = json.loads(harness("show", "smoke", "--json").out)
        assert (card["kind"], card["seeds"]) == ("preset", 1)
        assert "seeds" in harness("show", "smoke").out


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "posharness.cli", "list", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(timeout=30)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stopped(signal.SIGTERM), Stopped(signal.SIGHUP)])
@pytest.mark.parametrize("command", [("verify", "x"), ("store", "check")])
def test_every_command_says_that_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, error: KeyboardInterrupt, command: tuple[str, ...]
) -> None:
    def stop(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr("posharness.reports.verify_report", stop)
    monkeypatch.setattr("posharness.store.Store.open", stop)
    ended = harness(*command)
    assert (ended.status, ended.err) == (exit_status(error), "harness: stopped.\n")


LINGERING = """
import atexit, os, subprocess, threading, time
from posharness.contracts import PositionalEncoding, hookimpl

threading.Thread(target=time.sleep, args=(600,)).start()
atexit.register(time.sleep, 600)
subprocess.Popen(["sleep", "600"])
os.fork() or time.sleep(600)
os.fork()
os.closerange(0, 3)

class Lingering(PositionalEncoding):
    name = "lingering"

@hookimpl
def posharness_encodings():
    return [Lingering]
"""


def test_nothing_that_a_plugin_starts_keeps_a_command_from_ending(tmp_path: Path) -> None:
    (tmp_path / "lingering.py").write_text(LINGERING)
    program = (
        "import sys; from posharness.cli import main, stopping; stopping._FAREWELL = 0.2; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "list", "--encodings", "--plugin-path", "lingering.py"]
    # Its output is read to the end: a process that was left would hold it open.
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("lingering") == 1
