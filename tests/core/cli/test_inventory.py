"""Descriptions of plugins are kept without importing torch, and never outlive a change of a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from posharness.cli import inventory
from posharness.cli.inventory import Inventory, load_inventory
from posharness.registry import kinds

PLUGIN = """
from posharness.contracts import PositionalEncoding, hookimpl

class Mark(PositionalEncoding):
    name = "mark"
    aliases = ("a-mark",)
    summary = "the first one"

@hookimpl
def posharness_encodings():
    return [Mark]
"""
PROGRAM = """
import sys
from posharness.cli import main
status = main(sys.argv[1:])
print("torch" in sys.modules, file=sys.stderr)
sys.exit(status)
"""
ENCODING = kinds.kind_called("encoding")


class Installed:
    """A package with a plugin, and the program in an environment that has it."""

    def __init__(self, folder: Path) -> None:
        self.plugin = folder / "site" / "lab.py"
        facts = folder / "site" / "lab-1.0.dist-info"
        facts.mkdir(parents=True)
        self.plugin.write_text(PLUGIN)
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text("[posharness]\nlab = lab\n")
        self.cache = folder / "cache"

    def run(self, *arguments: str) -> tuple[str, bool]:
        """The output of a command, and whether it imported torch."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.plugin.parent),
            "POSHARNESS_CACHE": str(self.cache),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout, ended.stderr.split()[-1] == "True"


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_list_and_show_import_torch_only_after_a_change(installed: Installed) -> None:
    first, imported = installed.run("show", "a_mark", "--json")
    assert imported
    assert json.loads(first)["summary"] == "the first one"
    assert installed.run("show", "lab:mark", "--json") == (first, False)
    listed, imported = installed.run("list", "--encodings", "--json")
    assert not imported
    assert "mark" in [item["name"] for item in json.loads(listed)["encodings"]]
    installed.plugin.write_text(PLUGIN.replace("first", "other"))
    other, imported = installed.run("show", "mark", "--json")
    assert imported
    assert json.loads(other)["summary"] == "the other one"


def test_what_is_broken_is_not_kept(installed: Installed) -> None:
    installed.plugin.write_text("import nowhere_to_be_found")
    for _ in range(2):
        listed, imported = installed.run("list", "--executors", "--json")
        assert imported
        assert [broken["name"] for broken in json.loads(listed)["broken"]] == ["lab"]


def test_a_kept_inventory_that_cannot_be_read_or_written_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSHARNESS_CACHE", str(tmp_path))
    found = load_inventory(())
    (kept,) = (tmp_path / "inventory").iterdir()
    assert json.loads(kept.read_text())["inventory"]["plugins"] == found.plugins
    kept.write_text("{")
    assert load_inventory(()).plugins == found.plugins
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSHARNESS_CACHE", str(tmp_path / "file"))
    assert load_inventory(()).plugins == found.plugins


def test_a_plugin_that_cannot_be_described_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = {kind.plural: [] for kind in kinds.KINDS} | {"tasks": [{"name": "t", "error": "no data"}]}
    monkeypatch.setenv("POSHARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(inventory, "_described", lambda paths: Inventory(plugins, []))
    load_inventory(())
    assert not (tmp_path / "inventory").exists()


def test_a_name_of_two_kinds_that_share_their_names_is_ambiguous() -> None:
    mark = {"name": "mark", "aliases": ["sign"], "package": "lab"}
    other = {"name": "sign", "aliases": [], "package": "other-lab"}
    plugins = {kind.plural: [] for kind in kinds.KINDS}
    found = Inventory(plugins | {"encodings": [mark], "attentions": [other], "tasks": [other]}, [])
    assert found.called(ENCODING, "sign") == [mark]
    assert found.is_ambiguous(ENCODING, "sign")
    assert not found.is_ambiguous(ENCODING, "mark")
    assert not found.is_ambiguous(kinds.kind_called("task"), "sign")
    assert found.called(kinds.kind_called("attention"), "other_lab:sign") == [other]
    assert found.names(ENCODING) == ["mark", "sign"]
