"""The command `run` from its first line to its report, and what tells of it afterwards."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import posharness
from posharness.contracts.cell import Cell
from posharness.cost.cells import CellCost, kind_of_cost

from ..commands import FRAGILE, TINY, CommandResult, harness

pytestmark = pytest.mark.usefixtures("terminal")

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

    def test_measures_what_the_cells_cost(self, tiny: Path, tmp_path: Path) -> None:
        ended = harness(
            "run", "--plugins", "rope", "--config", tiny, "--seeds", "3", "--dry-run", "--measure"
        )
        assert ended.status == 0, ended.err
        assert re.search(
            r"^3 cells, \d at a time: at most \d+:\d\d, \d\.\d GB of memory", ended.out, re.MULTILINE
        )
        (row,) = re.findall(r"^ *rope +copy +decoder +3 +([\d.]+)", ended.out, re.MULTILINE)
        assert float(row) > 0  # milliseconds of a step
        assert list(tmp_path.iterdir()) == [tiny]

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("--workers", "4", "--set", "trainer.devices=4"), "1 at a time: at most 0:40, 1.5 GB"),
            (("--workers", "8", "--set", "trainer.devices=4"), "2 at a time: at most 0:20, 2.5 GB"),
            (("--executor", "slurm"), "one after the other: at most 0:40, 1.5 GB"),
            (("--executor", "slurm", "--workers", "3"), "3 at a time: at most 0:20, 3.5 GB"),
        ],
    )
    def test_what_cells_cost_together_goes_by_how_many_run_at_a_time(
        self, tiny: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], said: str
    ) -> None:
        def measured(cells: Sequence[Cell], *_: object, workers: int) -> dict[str, CellCost]:
            return {kind_of_cost(cells[0]): CellCost(0.1, 10.0, own=1e9, shared=5e8, device=0.0, disk=1e6)}

        monkeypatch.setattr("posharness.cost.short_runs.measure_cells", measured)
        monkeypatch.setattr("posharness.cli.measure.free_memory", lambda: 2.6e9)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
        common = ("run", "--plugins", "rope", "--config", tiny, "--seeds", "4", "--dry-run", "--measure")
        ended = harness(*common, *given)
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.splitlines()[-1].startswith(f"4 cells, {said} of memory")

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
    first: CommandResult


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

    def test_a_run_that_stops_early_shows_what_it_has_and_says_so(self, story: Story, tmp_path: Path) -> None:
        others = ["fragile,rope" if part == "rope,learned,fragile" else part for part in story.command[:-1]]
        ended = harness(*others, tmp_path / "runs", "--fail-fast", "--workers", "1")
        assert ended.status == 1, ended
        assert "0 trained, 0 reused, 0 skipped, 1 not done, 1 not begun" in ended.out
        assert re.search(r"rope +1 not begun", ended.out)
        assert (
            ended.err
            == "harness: stopped after as many failures as allowed. The same command resumes the run.\n"
        )
        assert "\nReport: " in ended.out

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
        assert "3 cells started: 2 done, 1 failed" in ended.out
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

    def test_show_gives_examples_of_a_done_cell(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        cells = json.loads(harness("status", story.store, "--json").out)["cells"]
        done, failed = (next(c["cell"] for c in cells if c["label"] == name) for name in ("rope", "fragile"))
        command = ("show", done[:8], "--store", story.store, "--examples")
        rows = json.loads(harness(*command, "--json").out)
        assert {row["objective"] for row in rows} == {"copy"}
        for row in rows:
            assert row["tokens"][min(row["sources"])] == row["answer"]
        monkeypatch.setenv("COLUMNS", "80")
        ended = harness(*command)
        assert max(map(len, ended.out.splitlines())) <= 80
        assert f"[{rows[0]['answer']}]" in ended.out
        assert harness("show", failed[:8], "--store", story.store, "--examples").status == 2
        assert "it is failed" in harness("show", failed[:8], "--store", story.store, "--examples").err

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
        "run", "--plugins", "rope", "--config", tmp_path / "long.toml", "--timeout", "1.8", "--no-report"
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
    assert "The same command resumes the run." in err
    assert "Traceback" not in err
    assert "1 interrupted" in harness("status").out


def test_what_the_system_refuses_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "locked.py").write_text(LOCKED)
    ended = harness("run", "--plugins", "rope", "--tasks", "locked", "--plugin-path", tmp_path / "locked.py")
    assert ended.status == 2
    assert ended.err.startswith("harness: Permission denied (/data/corpus);")
    assert ended.err.count("\n") == 1
