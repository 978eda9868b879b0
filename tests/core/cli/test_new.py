"""`harness new`: packages that install, pass their own test, and take their place beside the built-ins."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from posharness.errors import UserError
from posharness.registry import kinds
from posharness.scaffold import package

from ..commands import TINY, harness

KINDS = {kind.slug: kind.plural for kind in kinds.KINDS}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of each kind, installed into its `site`."""
    folder = tmp_path_factory.mktemp("lab")
    for kind in KINDS:
        ended = harness("new", kind, f"lab-{kind}", "--to", folder)
        assert (ended.status, ended.err) == (0, "")
        assert f"pip install -e {folder}/lab-{kind}" in ended.out.replace("\n    ", "")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    install += ["--disable-pip-version-check", "--no-index", "--target", str(folder / "site")]
    subprocess.run([*install, *(str(folder / f"lab-{kind}") for kind in KINDS)], check=True)
    return folder


def elsewhere(lab: Path, *command: str, status: int = 0) -> str:
    """The output of a Python command that finds what is installed in the lab."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(lab / "site"), "COLUMNS": "80"},
        cwd=lab,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout


def test_each_package_passes_the_test_it_comes_with(lab: Path) -> None:
    out = elsewhere(
        lab, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"lab-{kind}/tests" for kind in KINDS)
    )
    assert f"{len(KINDS)} passed" in out


def test_each_package_is_found_under_its_name(lab: Path) -> None:
    listed = json.loads(elsewhere(lab, "-m", "posharness.cli", "list", "--json"))
    assert listed["broken"] == []
    for kind, catalogue in KINDS.items():
        assert f"lab-{kind}" in [item["name"] for item in listed[catalogue]]


def test_they_are_trained_and_reported_beside_the_built_ins(lab: Path) -> None:
    (lab / "tiny.toml").write_text(
        TINY.replace('"copy"', '"lab-task"').replace("test_sequences = 4", "test_sequences = 64")
    )
    out = elsewhere(
        lab,
        *("-m", "posharness.cli", "run", "--config", "tiny.toml", "--workers", "1"),
        *("--plugins", "lab-encoding,absolute,alibi,relative,lab-attention", "--store", "runs"),
    )
    # relative needs slots that the attention of the template does not honour.
    assert "3 trained, 0 reused, 1 skipped" in out
    report = lab / out.split("Report: ")[1].strip()
    assert report.is_file()
    text = report.with_name("report.md").read_text()
    assert "lab-encoding · lab-attention" in text
    assert "absolute · lab-attention" in text
    assert "lab-task" in text
    assert "Time of a training step" in text
    assert "alibi · lab-attention against absolute · lab-attention: **undecided**" in text


def test_a_useful_encoding_fits_in_twenty_five_lines() -> None:
    source = package("encoding", "mine")["src/posharness_mine/__init__.py"]
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    lines = [line for line in source.splitlines() if line.strip()]
    assert len(ast.unparse(tree).splitlines()) <= 25
    assert len(lines) <= 30


@pytest.mark.parametrize(
    "name", ["Mine", "1st", "my encoding", "my--encoding", "-mine", "mine-", "", "größe"]
)
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="cannot be a plugin's: give lower-case letters"):
        package("encoding", name)


@pytest.mark.parametrize(("kind", "name"), [("encoding", "tensor"), ("report-section", "section")])
def test_a_name_that_would_hide_another_is_refused(kind: str, name: str) -> None:
    with pytest.raises(UserError, match=f"makes a class {name.capitalize()}"):
        package(kind, name)


def test_nothing_is_overwritten_or_begun_in_vain(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for arguments, said in (
        (["encoding", "mine", "--to", tmp_path], "exists already, and is left as it is"),
        (
            ["encoding", "relative", "--to", tmp_path],
            "'relative' is the name of an installed encoding; give another name.",
        ),
        (["encodings", "other", "--to", tmp_path], "Unknown kind 'encodings'; did you mean 'encoding' or"),
    ):
        ended = harness("new", *arguments)
        assert (ended.status, ended.out) == (2, "")
        assert said in ended.err
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
