"""The table of kinds is the only place that knows them: one more record is one more kind everywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FunctionType

import pluggy
import pytest
import typer

from posharness.cli import list as list_command
from posharness.cli.app import app
from posharness.conformance import assert_conforms
from posharness.conformance.__main__ import lines_about
from posharness.conformance.finding import Check
from posharness.conformance.suites import Suite, suite_of
from posharness.contracts import hooks
from posharness.contracts.plugin import Named
from posharness.registry import kinds
from posharness.registry.kinds import KINDS, Kind
from posharness.registry.registry import Registry

from ..commands import harness

FILE = """
from posharness.contracts import hookimpl
from {module} import Gadget

class Lever(Gadget):
    name = "lever"
    aliases = ("bar",)
    summary = "Lifts things"

    def __init__(self, *, length: int = 3) -> None:
        self.length = length

@hookimpl
def posharness_gadgets():
    return [Lever]
"""


class Gadget(Named):
    """The base class of a kind that only this test knows."""

    length: int


def has_a_length(gadget: Gadget) -> str:
    return "" if gadget.length > 0 else "it has no length"


SUITE = Suite(
    (Check("length", has_a_length),),
    lambda registry, cls, params, cache: {"": cls(**registry.settings(cls, params)[0])},
)

GADGETS = Kind(
    noun="gadget",
    plural="gadgets",
    hook="posharness_gadgets",
    base=f"{__name__}:Gadget",
    suite=f"{__name__}:SUITE",
    template="",
    help="Gadgets.",
    option="--gadget",
)


def test_the_table_and_the_hooks_agree() -> None:
    functions = {name for name, value in vars(hooks).items() if isinstance(value, FunctionType)}
    assert {kind.hook for kind in KINDS} == {name for name in functions if name.startswith("posharness_")}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_record_names_what_is_there(kind: Kind) -> None:
    assert issubclass(kind.base_class, Named)
    assert suite_of(kind).checks
    assert kinds.kind_called(kind.slug) is kind
    assert getattr(Registry.load(), kind.plural).kind is kind


@pytest.fixture
def lever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a plugin of the ninth kind; the kind is one record, its hook and its template."""

    def posharness_gadgets() -> Sequence[type[Gadget]]:  # type: ignore[empty-body]
        """Gadgets."""

    template = tmp_path / "template" / "src" / "module"
    template.mkdir(parents=True)
    (template / "__init__.py.template").write_text('"""The $kind $name."""\n')
    record = replace(GADGETS, template=str(tmp_path / "template"))
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, record))
    spec = pluggy.HookspecMarker(hooks.NAMESPACE)(posharness_gadgets)
    monkeypatch.setattr(hooks, "posharness_gadgets", spec, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "levers.py"
    path.write_text(FILE.format(module=__name__))
    return path


def test_list_and_show_know_a_ninth_kind(lever: Path) -> None:
    listed = json.loads(harness("list", "gadgets", "--json", "--plugin-path", lever).out)
    (item,) = listed["gadgets"]
    assert (item["name"], item["aliases"], item["package"]) == ("lever", ["bar"], "levers")
    again = typer.Typer()
    list_command.register(again)
    options = typer.main.get_command(again).params
    assert "--gadgets" in [name for option in options for name in option.opts]
    printed = harness("list", "gadgets", "--plugin-path", lever).out
    assert "Gadgets" in printed
    assert "Lifts things" in printed
    assert "length=3" in printed
    shown = json.loads(harness("show", "bar", "--json", "--plugin-path", lever).out)
    assert (shown["kind"], shown["name"]) == ("gadget", "lever")


def test_new_knows_a_ninth_kind(lever: Path, tmp_path: Path) -> None:
    ended = harness("new", "gadget", "crank", "--to", tmp_path)
    assert (ended.status, ended.err) == (0, "")
    module = tmp_path / "crank" / "src" / "posharness_crank" / "__init__.py"
    assert module.read_text() == '"""The gadget crank."""\n'


def test_check_knows_a_ninth_kind(lever: Path) -> None:
    plugin, _, finding = lines_about("lever[length=0]", [lever], lambda _: None)
    assert plugin == {"plugin": {"name": "lever[length=0]", "kind": "gadget"}}
    assert finding["finding"]["why"] == "it has no length"
    assert_conforms(Registry.load([lever]).catalogue(kinds.KINDS[-1]).find("lever"))


def test_every_kind_has_an_option_of_list() -> None:
    command = typer.main.get_command(app).commands["list"]  # type: ignore[attr-defined]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {f"--{kind.plural}" for kind in KINDS} <= options
