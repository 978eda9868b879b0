"""A forbidden import of each kind, planted in a copy of the tree, is refused by name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "harness": "posharness",
    "plugins": "posharness_plugins",
    "tasks": "posharness_tasks",
    "reports": "posharness_reports",
}

# file, the import that is added to it, what the rules say
PLANTED = [
    (
        "plugins/posharness_plugins/encodings/rope.py",
        "from posharness.seeds import generator",
        "posharness_plugins.encodings.rope may not import posharness.seeds",
    ),
    (
        "plugins/posharness_plugins/attentions/softmax.py",
        "import pandas",
        "posharness_plugins.attentions.softmax may not import pandas",
    ),
    (
        "tasks/posharness_tasks/sort.py",
        "import posharness.training.run",
        "posharness_tasks.sort may not import posharness.training.run",
    ),
    (
        "tasks/posharness_tasks/sort.py",
        "from posharness_plugins.encodings import rope",
        "posharness_tasks.sort may not import posharness_plugins.encodings.rope",
    ),
    (
        "reports/posharness_reports/study.py",
        "from posharness.store.store import Store",
        "posharness_reports.study may not import posharness.store.store",
    ),
    (
        "reports/posharness_reports/study.py",
        "def late():\n    import requests",
        "posharness_reports.study may not import requests",
    ),
    (
        "harness/posharness/model/body.py",
        "from posharness_plugins.encodings.rope import Rope",
        "posharness.model.body may not import posharness_plugins.encodings.rope",
    ),
    (
        "harness/posharness/model/norm.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from posharness.cli import main",
        "posharness.model is not allowed to import posharness.cli",
    ),
    (
        "harness/posharness/model/norm.py",
        "def late():\n    from posharness.model.block import Block",
        "posharness.model.block → posharness.model.norm → posharness.model.block",
    ),
    (
        "harness/posharness/store/layout.py",
        "from posharness.store import store",
        "No cycles are allowed in posharness.store",
    ),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the rules say of a copy of the tree in which all of it is planted."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for folder in [*(f"{source}/{package}" for source, package in PACKAGES.items()), "tools"]:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, planted, _ in PLANTED:
        with (tree / file).open("a") as module:
            module.write(f"\n\n{planted}\n")
    (tree / "harness/posharness/shortcut.py").write_text('"""A new module that no layer names."""\n')
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(tree / source) for source in PACKAGES),
        "COLUMNS": "300",
    }
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("file", "planted", "expected"), PLANTED)
def test_a_forbidden_import_is_refused_by_name(said: str, file: str, planted: str, expected: str):
    assert expected in " ".join(said.split())


def test_nothing_else_is_refused(said: str):
    assert said.count("may not import") == sum("may not import" in expected for *_, expected in PLANTED)


def test_a_module_of_the_core_that_stands_in_no_layer_is_refused(said: str):
    assert "shortcut" in said
