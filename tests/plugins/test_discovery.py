"""A file in the folder is a plugin; a broken one is an error, never a silence."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from posharness.contracts import Attention, PositionalEncoding, defined_in
from posharness_plugins import attentions, encodings

GOOD = """
from posharness.contracts import PositionalEncoding
from posharness_plugins.encodings.none import NoEncoding
class Mine(PositionalEncoding):
    name = "mine"
class _Helper(PositionalEncoding):
    name = "helper"
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    name = f"found_{request.node.name.partition('[')[0]}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "good.py").write_text(GOOD)
    (tmp_path / name / "_shared.py").write_text("raise RuntimeError('helpers are not imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return import_module(name)


def test_a_file_offers_the_classes_it_defines_and_no_others(package: ModuleType) -> None:
    assert [cls.name for cls in defined_in(package, PositionalEncoding)] == ["mine"]
    assert defined_in(package, Attention) == []


def test_a_broken_file_raises(package: ModuleType) -> None:
    Path(package.__path__[0], "worse.py").write_text("import no_such_module_anywhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        defined_in(package, PositionalEncoding)


@pytest.mark.parametrize(
    ("hook", "folder"),
    [(encodings.posharness_encodings, encodings), (attentions.posharness_attentions, attentions)],
)
def test_every_file_of_the_built_ins_offers_something(hook: object, folder: ModuleType) -> None:
    offered = hook()  # type: ignore[operator]
    files = {path.stem for path in Path(folder.__path__[0]).glob("*.py") if not path.stem.startswith("_")}
    assert {cls.__module__.rpartition(".")[2] for cls in offered} == files
    assert len({cls.name for cls in offered}) == len(offered)
    assert all(cls.summary for cls in offered)
