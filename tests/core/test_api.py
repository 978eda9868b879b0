"""A whole run from Python: nothing is computed twice, and what changed is computed again."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import posharness
from posharness.api import execute
from posharness.errors import UserError
from posharness.execution import Execution, RunSummary
from posharness.experiment import load_experiment
from posharness.reports import compile_report
from posharness.store import Store

TINY = {
    "tasks": ["offset_recall[length=7,symbols=3,offsets=[1,2]]"],
    "seeds": 1,
    "model": {"width": 12, "heads": 2, "layers": 1},
    "budget": {"steps": 3, "batch": 5, "test_sequences": 5, "validation_sequences": 5, "validate_every": 2},
    "task": {"offset_recall": {"budget": {"steps": 3}}},
}
PLUGIN = """
import torch
from posharness.contracts import PositionalEncoding, hookimpl

class Mine(PositionalEncoding):
    name = "mine"
    def bias(self, pos_q, pos_k, x):
        return RATE * (pos_q[:, None] - pos_k).abs().float().expand(1, self.geometry.heads, -1, -1)

@hookimpl
def posharness_encodings():
    return [Mine]
"""


PLAIN = """
from posharness.contracts import Compiler, hookimpl

class Plain(Compiler):
    name = "plain"
    summary = "Writes the status of each cell, in no time"
    def compile(self, frames, sections, *, claims=(), title, folder):
        folder.mkdir(parents=True, exist_ok=True)
        cells = frames.cells
        rows = zip(cells["label"], cells["status"], cells["reason"], strict=True)
        page = folder / "report.html"
        page.write_text("\\n".join([title, *(" ".join(row) for row in rows)]))
        return page
    def publish(self, report, *, to):
        return report

@hookimpl
def posharness_compilers():
    return [Plain]
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Path]:
    """The report of the store by a compiler that takes no time."""

    def start(**options: Any) -> Path:
        path = tmp_path / "plain.py"
        path.write_text(PLAIN)
        return compile_report(tmp_path / "runs", compiler="plain", plugin_paths=[path], **options)

    return start


@pytest.fixture
def run(warm_server: None, tmp_path: Path) -> Callable[..., RunSummary]:
    def start(*plugins: str, rate: str = "0.5", **changes: Any) -> RunSummary:
        mine = tmp_path / "mine.py"
        mine.write_text(PLUGIN.replace("RATE", rate))
        experiment = load_experiment(preset="smoke", overrides={**TINY, "plugins": list(plugins), **changes})
        return execute(experiment, Execution(tmp_path / "runs", workers=1, plugin_paths=[mine]))

    return start


def test_a_second_run_trains_what_is_new_and_nothing_else(
    run: Callable[..., RunSummary], compiled: Callable[..., Path], tmp_path: Path
) -> None:
    first = run("rope,mine")
    assert (first.counts["done"], len(first.reused)) == (2, 0)
    again = run("rope,mine")
    assert (again.counts["done"], len(again.reused)) == (0, 2)
    more = run("rope,mine,alibi", seeds=2)
    assert (more.counts["done"], len(more.reused)) == (4, 2)
    edited = run("rope,mine,alibi", rate="0.25", seeds=2)
    assert (edited.counts["done"], len(edited.reused)) == (2, 4)
    assert {cell.encoding.name for cell in edited.planned if cell.key not in edited.reused} == {"mine"}
    results = posharness.load(tmp_path / "runs")
    assert len(results.cells) == 6
    assert results.cells.groupby("label")["version"].nunique().eq(1).all()
    everything = posharness.load(tmp_path / "runs", versions="all")
    assert len(everything.cells) == 8
    assert everything.cells.groupby("label")["version"].nunique()["mine"] == 2
    assert set(results.predictions["cell"]) == set(results.cells["cell"])
    assert set(results.predictions["cell"]) == set(results.cells["cell"])
    assert set(results.curves["label"]) == {"rope", "mine", "alibi"}
    report = compiled()
    assert report.read_text().count(" done ") == 6
    report.write_text("as it was")
    assert compiled(reuse=True).read_text() == "as it was"
    another = compiled(title="Another", reuse=True)
    assert another != report
    assert another.read_text().startswith("Another\n")
    report = compiled()
    assert report.read_text() != "as it was"
    assert posharness.verify_report(report, plugin_paths=[tmp_path / "plain.py"]) == []
    (report.parent / "references.bib").write_text("none")
    assert len(posharness.verify_report(report, plugin_paths=[tmp_path / "plain.py"])) == 2


PARTS = """
import sys
from posharness.contracts import Claim, ReportSection, Section, hookimpl

class Shut(ReportSection):
    name = "shut"
    summary = "A section that cannot be built"
    def __init__(self):
        sys.exit("no section today")
    def build(self, frames):
        return None

class Quitting(ReportSection):
    name = "quitting"
    summary = "A section that ends the program"
    def build(self, frames):
        sys.exit("no text today")

class Twin(ReportSection):
    name = "twin"
    def build(self, frames):
        return Section("Twin", "From PLACE.")

class Open(Claim):
    name = "open"
    statement = "Rope exceeds alibi."
    contrasts = (("rope", "alibi"),)
    metric = "one"
    def measure(self, frames):
        return frames.cells[["task", "label", "seed"]].assign(value=1.0, reason="")

class Silent(Open):
    name = "silent"
    statement = "Nothing is measured."
    def __init__(self):
        raise ValueError("no claim today")

class Breaking(Open):
    name = "breaking"
    statement = "This measure breaks."
    def measure(self, frames):
        raise KeyError("no measure today")

@hookimpl
def posharness_report_sections():
    return [Shut, Quitting, Twin]

@hookimpl
def posharness_claims():
    return [Open, Silent, Breaking]
"""


def test_a_section_or_claim_that_cannot_be_made_stops_no_report(
    run: Callable[..., RunSummary], tmp_path: Path
) -> None:
    run("rope,alibi")
    paths = [tmp_path / place / "parts.py" for place in ("north", "south")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(PARTS.replace("PLACE", path.parent.name))
    page = compile_report(tmp_path / "runs", plugin_paths=paths).with_name("report.md").read_text()
    assert "no section today" in page
    assert "SystemExit: no text today" in page.partition("A section that ends the program")[2]
    assert page.count("ValueError: no claim today") >= 2
    assert "KeyError: 'no measure today'" in page.partition("This measure breaks.")[2]
    assert "Rope exceeds alibi" in page
    # Two sections of one name are both shown, also where package:name cannot tell them apart.
    assert "From north." in page
    assert "From south." in page


@pytest.mark.usefixtures("warm_server")
def test_run_gives_the_frames_of_its_own_cells(tmp_path: Path) -> None:
    one = posharness.run(["rope"], preset="smoke", store=tmp_path, workers=1, overrides=TINY)
    two = posharness.run(["alibi"], preset="smoke", store=tmp_path, workers=1, overrides=TINY)
    assert set(one.predictions["label"]) == {"rope"}
    assert set(two.cells["label"]) == {"alibi"}
    assert two.predictions["correct"].notna().all()


def test_a_report_needs_a_store_with_cells(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none"):
        compile_report(tmp_path / "none")


def test_workers_are_counted_from_one() -> None:
    with pytest.raises(UserError, match="at least 1"):
        execute(load_experiment(overrides={"plugins": ["rope"]}), Execution(workers=0))


def test_every_public_name_is_there_and_shown_before_anything_is_imported() -> None:
    code = (
        "import sys, posharness\n"
        "assert set(posharness.__all__) == {name for name in dir(posharness) if name[:2] != '__'}\n"
        "assert 'torch' not in sys.modules\n"
        "assert all(getattr(posharness, name).__doc__ for name in posharness.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not hasattr(posharness, "nothing_of_that_name")


def test_a_report_of_a_run_shows_the_cells_of_that_run(
    run: Callable[..., RunSummary], compiled: Callable[..., Path]
) -> None:
    def versions(summary: RunSummary) -> set[tuple[str, str]]:
        listed = compiled(planned=[cell.key for cell in summary.planned]).read_text()
        return {(cell.version, "shown" if f"{cell.version} of its code" in listed else "") for cell in cells}

    first = run("mine")
    edited = run("mine", rate="0.25")
    cells = [*first.planned, *edited.planned]
    undone = run("mine")
    assert (undone.counts["done"], len(undone.reused)) == (0, 1)
    old, new = (cell.version for cell in cells)
    assert versions(undone) == {(old, "shown"), (new, "")}  # it stands in the place of the other
    assert versions(edited) == {(old, ""), (new, "shown")}
    assert f"{new} of its code" in compiled().read_text()


def test_the_source_of_a_single_file_is_kept_with_its_cells(
    run: Callable[..., RunSummary], tmp_path: Path
) -> None:
    (cell,) = run("mine").planned
    store = Store.open(tmp_path / "runs", create=False)
    assert (store.folder(cell.key) / "plugins" / "mine.py").read_text() == (tmp_path / "mine.py").read_text()
    kept = {plugin["name"]: plugin for plugin in store.plugins(cell.key)}
    assert kept["mine"]["digest"] == cell.encoding.digest
    assert (kept["mine"]["file"], kept["softmax"]["package"]) == ("mine.py", "posharness")


def test_every_parameter_of_the_api_is_described() -> None:
    functions = [made for name in posharness.__all__ if inspect.isfunction(made := getattr(posharness, name))]
    assert posharness.run in functions
    missing = [
        f"{function.__name__}: {parameter}"
        for function in functions
        for parameter in inspect.signature(function).parameters
        if f"\n    {parameter}: " not in (inspect.getdoc(function) or "")
    ]
    assert missing == []
