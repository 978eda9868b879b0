"""The command line: what each command prints, and the exit status it ends with."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

import posharness
from posharness.cli import main

COMMANDS = ("run", "evaluate", "list", "show", "status", "report", "publish", "export", "check", "new")

TINY = """
preset = "smoke"
tasks = ["copy"]
seeds = 1
[model]
width = 8
layers = 1
heads = 2
[budget]
steps = 4
batch = 4
validate_every = 2
validation_sequences = 4
test_sequences = 4
"""

FRAGILE = '''
"""An encoding that breaks in training."""
from posharness.contracts import PositionalEncoding, hookimpl

class Fragile(PositionalEncoding):
    name = "fragile"

    def embed(self, x, pos):
        raise RuntimeError("[fragile] broke")

@hookimpl
def posharness_encodings():
    return [Fragile]
'''


LOCKED = '''
"""A task whose data may not be read."""
import errno
from posharness.contracts import Task, hookimpl

class Locked(Task):
    name = "locked"
    bodies = ("encoder",)

    def prepare(self, cache):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/corpus")

    def sample(self, generator, n, length, split):
        raise NotImplementedError

@hookimpl
def posharness_tasks():
    return [Locked]
'''


@dataclass
class Ended:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def harness(*arguments: str | Path) -> Ended:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        status = main([str(argument) for argument in arguments])
    return Ended(status, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def fragile(tmp_path: Path) -> Path:
    path = tmp_path / "fragile.py"
    path.write_text(FRAGILE)
    return path


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

    def test_help_answers_within_a_blink(self) -> None:
        code = "from posharness.cli import main; main(['run', '--help'])\nimport time, sys; "
        code += "print(time.process_time(), file=sys.stderr)"
        runs = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            for _ in range(3)
        ]
        assert min(float(run.stderr) for run in runs) < 0.6

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
        (["run", "--plugins"], ["--plugins", "requires an argument"]),
        (["publish", "x"], ["--to"]),
        (["show"], ["NAME"]),
        (["list", "encoding"], ["'encoding'", "did you mean 'encodings'"]),
        (["status", "a", "--store", "b"], ["a", "--store b"]),
        (["run"], ["--plugins"]),
        (["run", "--plugins", "ropy"], ["'ropy'", "did you mean", "'rope'"]),
        (["run", "--plugins", "rope[bass=1]"], ["rope", "'bass'", "did you mean 'base'?"]),
        (["run", "--plugins", "rope[base=x]"], ["rope[base=x]", "float"]),
        (["run", "--plugins", "rope[base=1"], ["rope[base=1", "']'"]),
        (["run", "--plugins", "rope", "--tasks", "cpoy"], ["'cpoy'", "did you mean 'copy'?"]),
        (["run", "--plugins", "rope", "--bodies", "encoders"], ["'encoders'", "'encoder'"]),
        (["run", "--plugins", "rope", "--preset", "quik"], ["'quik'", "did you mean 'quick'?"]),
        (["run", "--plugins", "rope", "--config", "absent.toml"], ["absent.toml", "cannot be read"]),
        (["run", "--plugins", "rope", "--config", "unknown.toml"], ["'sedes'", "did you mean 'seeds'?"]),
        (["run", "--plugins", "rope", "--config", "wrong.toml"], ["steps", "integer", "'many'"]),
        (["run", "--plugins", "rope", "--config", "broken.toml"], ["broken.toml", "TOML"]),
        (["run", "--plugins", "rope", "--plugin-path", "absent.py"], ["absent.py", "no such file"]),
        (["run", "--plugins", "rope", "--tasks", "copy", "--corpus", "a.txt"], ["a.txt", "copy", "bert"]),
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
        assert relative["variants"] == ["relative[values=false]"]
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

    def test_a_preset(self) -> None:
        card = json.loads(harness("show", "smoke", "--json").out)
        assert (card["kind"], card["seeds"]) == ("preset", 1)
        assert "seeds" in harness("show", "smoke").out


class TestDryRun:
    def test_prints_the_cells_and_leaves_nothing(self, tiny: Path, tmp_path: Path) -> None:
        before = sorted(tmp_path.rglob("*"))
        ended = harness(
            "run", "--plugins", "relative[clip=2|4],rope", "--config", tiny, "--seeds", "2", "--dry-run"
        )
        assert ended.status == 0
        assert "relative[clip=2]" in ended.out
        assert "6 cells: 6 to train, 0 reused, 0 skipped" in ended.out
        assert sorted(tmp_path.rglob("*")) == before

    def test_says_why_a_pair_cannot_work(self, tiny: Path) -> None:
        ended = harness(
            "run", "--plugins", "rope", "--config", tiny, "--bodies", "encoder,decoder", "--dry-run"
        )
        assert "skipped rope on copy" in ended.out
        assert "2 cells: 1 to train, 0 reused, 1 skipped" in ended.out

    def test_options_of_lists_repeat_and_split(self, tiny: Path) -> None:
        common = ("--config", tiny, "--dry-run")
        apart = harness("run", "--plugins", "rope", "--plugins", "alibi", *common)
        assert apart.out == harness("run", "--plugins", "rope,alibi", *common).out
        assert "2 cells: 2 to train" in apart.out


@dataclass
class Story:
    """One store, the command that filled it, and how that went the first time."""

    store: Path
    command: tuple[str | Path, ...]
    first: Ended


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    (folder / "tiny.toml").write_text(TINY)
    (folder / "fragile.py").write_text(FRAGILE)
    store = folder / "runs"
    command = ("run", "--config", folder / "tiny.toml", "--plugin-path", folder / "fragile.py")
    command = (*command, "--plugins", "rope,learned,fragile", "--store", store)
    return Story(store, command, harness(*command))


class TestRun:
    def test_a_cell_that_raises_ends_alone(self, story: Story) -> None:
        assert story.first.status == 1, story.first
        assert "3 cells: 0 reused, 0 skipped, 3 to train" in story.first.out
        assert "2 trained, 0 reused, 0 skipped, 1 not done" in story.first.out
        assert re.search(r"failed fragile on copy.*RuntimeError: \[fragile\] broke", story.first.out)
        assert "Traceback" not in story.first.out + story.first.err

    def test_the_table_and_the_report_end_it(self, story: Story) -> None:
        lines = story.first.out.splitlines()
        assert re.search(r"rope +\d\.\d{3} .* 1 done", story.first.out)
        assert re.search(r"learned .* undefined +1 done", story.first.out)
        (report,) = [line.removeprefix("Report: ") for line in lines if line.startswith("Report: ")]
        assert "fragile" in Path(report).read_text(encoding="utf-8")

    def test_progress_comes_in_plain_lines(self, story: Story) -> None:
        assert "[0/3] rope on copy, decoder, seed 0: started" in story.first.out
        assert re.search(r"\] rope on copy, decoder, seed 0: done in \d:\d\d, score", story.first.out)
        assert "\x1b" not in story.first.out

    def test_what_is_done_is_not_trained_again(self, story: Story) -> None:
        command = [part if part != "rope,learned,fragile" else "rope,learned" for part in story.command]
        ended = harness(*command, "--no-report")
        assert ended.status == 0
        assert "2 cells: 2 reused, 0 skipped, 0 to train" in ended.out
        assert "0 trained, 2 reused, 0 skipped" in ended.out
        assert "Report:" not in ended.out
        assert "2 cells: 0 to train, 2 reused, 0 skipped" in harness(*command, "--dry-run").out

    def test_status_tells_each_cell(self, story: Story) -> None:
        ended = harness("status", story.store)
        assert ended.status == 0
        assert ended.out == harness("status", "--store", story.store).out
        assert "3 cells: 2 done, 1 failed" in ended.out
        assert "RuntimeError: [fragile] broke" in ended.out
        found = json.loads(harness("status", story.store, "--json").out)
        assert found["counts"] == {"done": 2, "failed": 1}
        assert {cell["label"] for cell in found["cells"]} == {"rope", "learned", "fragile"}
        assert all(cell["progress"] is None for cell in found["cells"])

    def test_show_tells_why_a_cell_failed(self, story: Story) -> None:
        cells = json.loads(harness("status", story.store, "--json").out)["cells"]
        (failed,) = [cell["cell"] for cell in cells if cell["status"] == "failed"]
        ended = harness("show", failed[:6], "--store", story.store)
        assert ended.status == 0
        for part in (failed, "model.width: 8", "Traceback", "RuntimeError: [fragile] broke"):
            assert part in ended.out
        done = next(cell["cell"] for cell in cells if cell["label"] == "rope")
        card = json.loads(harness("show", done, "--store", story.store, "--json").out)
        assert (card["kind"], card["status"], card["settings"]["budget"]["steps"]) == ("cell", "done", 4)
        assert card["results"]["train_length"] == 48

    def test_report_compiles_again_and_publish_shows_it(self, story: Story, tmp_path: Path) -> None:
        report = harness("report", story.store, "--title", "How far it carries")
        assert report.status == 0
        path = Path(report.out.strip())
        assert "How far it carries" in path.read_text(encoding="utf-8")
        published = harness("publish", path, "--to", tmp_path / "site")
        assert published.status == 0
        index = Path(published.out.strip())
        assert "How far it carries" in index.read_text(encoding="utf-8")
        before = {file: file.read_bytes() for file in index.parent.rglob("*") if file.is_file()}
        assert harness("publish", path, "--to", tmp_path / "site").status == 0
        assert before == {file: file.read_bytes() for file in index.parent.rglob("*") if file.is_file()}

    def test_python_reads_what_the_command_wrote(self, story: Story) -> None:
        results = posharness.load(story.store)
        assert sorted(results.cells["status"]) == ["done", "done", "failed"]


def test_a_cell_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_text(TINY.replace("steps = 4", "steps = 1000000"))
    ended = harness(
        "run", "--plugins", "rope", "--config", tmp_path / "long.toml", "--timeout", "0.03", "--no-report"
    )
    assert ended.status == 1
    assert re.search("timeout rope on copy.*longer than", ended.out)


def test_ctrl_c_keeps_what_is_done_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_text(TINY.replace("steps = 4", "steps = 1000000"))
    command = [sys.executable, "-m", "posharness.cli", "run", "--plugins", "rope", "--config", "long.toml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "started" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert "1 interrupted" in harness("status").out


def test_what_the_system_refuses_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "locked.py").write_text(LOCKED)
    ended = harness("run", "--plugins", "rope", "--tasks", "locked", "--plugin-path", tmp_path / "locked.py")
    assert ended.status == 2
    assert ended.err.startswith("harness: Permission denied (/data/corpus);")
    assert ended.err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "posharness.cli", "list", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(timeout=30)
