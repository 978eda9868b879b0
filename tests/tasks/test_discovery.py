"""A module or package in the tasks' folder is a task; a broken one is an error, never a silence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import posharness_tasks

TASK = """
from posharness.contracts import Task
from posharness_tasks.offset_recall import OffsetRecall
class Mine(Task):
    name = "{name}"
    def sample(self, generator, n, length, split): ...
class Unfinished(Task):
    name = "abstract"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(posharness_tasks, "__path__", [*posharness_tasks.__path__, str(tmp_path)])
    for name in ("mine_alone", "mine_packed", "mine_packed.inner", "mine_broken"):
        monkeypatch.setitem(sys.modules, f"posharness_tasks.{name}", None)
        monkeypatch.delitem(sys.modules, f"posharness_tasks.{name}")
    return tmp_path


def test_modules_and_packages_offer_the_tasks_they_define(folder: Path) -> None:
    (folder / "mine_alone.py").write_text(TASK.format(name="alone"))
    (folder / "mine_packed").mkdir()
    (folder / "mine_packed" / "inner.py").write_text(TASK.format(name="packed"))
    (folder / "mine_packed" / "__init__.py").write_text("from posharness_tasks.mine_packed.inner import Mine")
    names = [cls.name for cls in posharness_tasks.posharness_tasks()]
    assert {"alone", "packed", "offset_recall", "copy", "bert"} <= set(names)
    assert len(names) == len(set(names))


def test_a_broken_module_raises(folder: Path) -> None:
    (folder / "mine_broken.py").write_text("import no_such_module_anywhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        posharness_tasks.posharness_tasks()
