"""Seeds are added where a report leaves something open, and nowhere else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posharness.api import execute
from posharness.errors import UserError
from posharness.execution import Execution, RunSummary
from posharness.experiment import load_experiment
from posharness.planning.looks import planned_looks
from posharness.reports import compile_report

from .commands import harness

TINY: dict[str, Any] = {
    "tasks": ["offset_recall[length=7,symbols=3,offsets=[1,2]]", "copy[length=8,payload=2,symbols=3]"],
    "seeds": 1,
    "compiler": "asking",
    "model": {"width": 8, "heads": 2, "layers": 1},
    "budget": {"steps": 2, "batch": 3, "test_sequences": 4, "validation_sequences": 3, "validate_every": 2},
}

COMPILER = '''
"""A compiler that finds two labels undecided on copy until they have enough seeds."""
import json
from posharness.contracts import Compiler, Undecided, hookimpl

class Asking(Compiler):
    name = "asking"
    summary = "Asks for more"

    def compile(self, frames, sections, *, claims=(), title, folder, alpha=0.05):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(json.dumps({"alpha": alpha}))
        return folder / "report.html"

    def undecided(self, frames, *, claims=(), alpha=0.05):
        done = frames.cells[frames.cells["status"] == "done"]
        names = sorted(name for name in set(done["task"]) if name.startswith("copy"))
        few = done[done["task"].isin(names)].groupby("label")["seed"].nunique()
        open_ = [label for label in ("rope", "alibi") if few[label] < ENOUGH]
        missing = 1 if ENOUGH < 100 else None
        return [Undecided("which is better", ("rope", "alibi"), tuple(names), missing)] if open_ else []

    def publish(self, report, *, to):
        return report

@hookimpl
def posharness_compilers():
    return [Asking]
'''


@pytest.fixture
def run(warm_server: None, tmp_path: Path) -> Callable[..., tuple[RunSummary, list[str]]]:
    def start(enough: int, most: int = 5, **changes: Any) -> tuple[RunSummary, list[str]]:
        path = tmp_path / "asking.py"
        path.write_text(COMPILER.replace("ENOUGH", str(enough)))
        settings = {**TINY, "plugins": ["rope", "alibi", "learned"], **changes}
        experiment = load_experiment(preset="smoke", overrides=settings)
        said: list[str] = []
        execution = Execution(tmp_path / "runs", workers=1, plugin_paths=[path])
        summary = execute(experiment, execution, announce=said.append, until="decided", max_seeds=most)
        return summary, said

    return start


def seeds(summary: RunSummary) -> Counter[tuple[str, str]]:
    return Counter((cell.label, cell.task.name) for cell in summary.planned)


def test_seeds_are_added_where_something_is_open_and_progress_says_why(
    run: Callable[..., tuple[RunSummary, list[str]]], tmp_path: Path
) -> None:
    summary, said = run(5)
    assert seeds(summary) == {
        ("rope", "offset_recall"): 3,
        ("alibi", "offset_recall"): 3,
        ("learned", "offset_recall"): 3,
        ("rope", "copy"): 5,
        ("alibi", "copy"): 5,
        ("learned", "copy"): 3,
    }
    assert summary.counts["done"] == 22
    added = [line for line in said if line.startswith("seeds 3 to 4 for alibi and rope on copy")]
    assert len(added) == 1
    assert not [line for line in said if "not likely" in line]
    assert added[0].endswith("open is which is better")
    again, _ = run(5)
    assert again.counts["done"] == 0
    assert again.planned == summary.planned
    # The report works at the rate of the look that the run ended with.
    path = tmp_path / "asking.py"
    page = compile_report(tmp_path / "runs", compiler="asking", plugin_paths=[path])
    assert json.loads(page.read_text())["alpha"] == planned_looks(1, 5).levels[1]


def test_nothing_is_added_where_all_is_settled(
    run: Callable[..., tuple[RunSummary, list[str]]],
) -> None:
    summary, said = run(3)
    assert set(seeds(summary).values()) == {3}
    assert not [line for line in said if line.startswith("seeds")]


def test_what_is_hopeless_at_the_second_look_gets_no_third(
    run: Callable[..., tuple[RunSummary, list[str]]],
) -> None:
    summary, said = run(1000, most=8)
    assert "1 of 1 open questions are not likely to be decided by 8 seeds" in said
    assert seeds(summary)["rope", "copy"] == 5


def test_another_plan_of_looks_at_the_same_results_is_refused(
    run: Callable[..., tuple[RunSummary, list[str]]],
) -> None:
    run(3)
    with pytest.raises(UserError, match="--seeds 3 --max-seeds 5"):
        run(3, most=9)


def test_a_list_of_seeds_is_refused(run: Callable[..., tuple[RunSummary, list[str]]]) -> None:
    with pytest.raises(UserError, match=r"lists \[4, 5\]"):
        run(3, seeds=[4, 5])


def test_the_command_line_refuses_what_it_does_not_know(tiny: Path) -> None:
    for wrong, message in (
        (("--until", "bored"), "expected decided"),
        (("--max-seeds", "5"), "needs --until decided"),
        (("--until", "decided", "--seeds", "6", "--max-seeds", "5"), "first look is at 6 seeds"),
    ):
        ended = harness("run", "--config", tiny, "--plugins", "rope", *wrong, "--dry-run")
        assert ended.status == 2
        assert message in ended.err


def test_a_dry_run_shows_the_cells_of_the_next_look(tiny: Path, tmp_path: Path) -> None:
    command = ("run", "--config", tiny, "--plugins", "rope,alibi", "--store", tmp_path / "runs", "--dry-run")
    ended = harness(*command, "--until", "decided", "--max-seeds", "5")
    assert "6 cells: 6 to train" in ended.out
    assert "look 1 of 2, which are at 3, 5 seeds" in ended.out
