"""A digest follows the code of a plugin, not its comments."""

import sys
from collections.abc import Callable
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest

from posharness.registry.source.digest import SourceDigests

PLUGIN = '''"""A plugin."""
from thing_pack._helper import base

class Thing:
    """It does a thing."""
    value = base
'''


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(plugin: str = PLUGIN, helper: str = "base = 1\n", other: str = "x = 1\n") -> str:
        folder = tmp_path / "thing_pack"
        folder.mkdir(exist_ok=True)
        files = {"__init__": "from thing_pack import plugin, other\n", "plugin": plugin}
        for name, text in {**files, "_helper": helper, "other": other}.items():
            (folder / f"{name}.py").write_text(text)
        for name in [name for name in sys.modules if name.startswith("thing_pack")]:
            del sys.modules[name]
        sys.path_importer_cache.clear()
        invalidate_caches()
        sys.dont_write_bytecode = True
        return SourceDigests().digest(import_module("thing_pack.plugin").Thing)

    return write


def test_code_counts(digest: Callable[..., str]) -> None:
    assert digest() != digest(plugin=PLUGIN.replace("= base", "= base + 1"))


def test_imported_code_of_the_same_package_counts(digest: Callable[..., str]) -> None:
    assert digest() != digest(helper="base = 2\n")


def test_comments_and_docstrings_do_not(digest: Callable[..., str]) -> None:
    changed = PLUGIN.replace("does a thing", "does another").replace("value", "# a comment\n    value")
    assert digest() == digest(plugin=changed)


def test_other_plugins_of_the_package_do_not(digest: Callable[..., str]) -> None:
    assert digest() == digest(other="x = 2\n")
