"""Plugins are found, told apart, and only fatal when they are selected."""

from pathlib import Path

import pytest
import torch

from posharness.contracts import Geometry, PositionalEncoding
from posharness.errors import UserError
from posharness.registry import discovery
from posharness.registry.plugin_code import PluginExit
from posharness.registry.registry import Registry
from posharness.registry.selection import parse

GEOMETRY = Geometry(width=12, heads=2, length=7, direction="bidirectional")
HEADER = "from posharness.contracts import PositionalEncoding, by_name, hookimpl\n"
WRAPPER = (
    HEADER
    + """
class Wrapper(PositionalEncoding):
    name = "wrapper"
    def __init__(self, geometry, *, base: PositionalEncoding = by_name("alibi")):
        super().__init__(geometry)
        self.base = base

@hookimpl
def posharness_encodings():
    return [Wrapper]
"""
)


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_the_built_in_plugins_load(registry: Registry) -> None:
    assert not registry.broken
    assert {"none", "absolute", "learned", "relative", "alibi", "rope"} <= set(registry.encodings)
    assert "softmax" in registry.attentions


def test_aliases_lead_to_the_same_choice(registry: Registry) -> None:
    shaw, relative = (registry.select(registry.encodings, parse(text)[0]) for text in ("rpe", "relative"))
    assert shaw == relative


def test_a_default_stated_is_the_same_choice(registry: Registry) -> None:
    stated, silent = (
        registry.select(registry.encodings, parse(text)[0]) for text in ("relative[clip=16]", "relative")
    )
    assert stated == silent
    assert registry.select(registry.encodings, parse("relative[clip=8]")[0]).label == "relative[clip=8]"


def test_a_text_is_called_by_its_name_wherever_it_lies(registry: Registry, tmp_path: Path) -> None:
    text = tmp_path / "novel.txt"
    text.touch()
    choices = [
        registry.choose(registry.tasks.find("bert"), {"corpus": str(corpus)})
        for corpus in (text, "novel.txt")
    ]
    assert [choice.label for choice in choices] == ["bert[corpus=novel.txt]"] * 2
    hub = registry.choose(registry.tasks.find("bert"), {"corpus": "someone/wikitext:small"})
    assert hub.label == "bert[corpus=someone/wikitext:small]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("relativ", "--plugins: unknown encoding 'relativ'; did you mean 'relative'"),
        ("relative[clp=3]", "relative has no parameter 'clp'; did you mean 'clip'"),
        ("relative[clip=x]", "clip expects a whole number, for example"),
    ],
)
def test_a_slip_is_answered_with_the_nearest_name(registry: Registry, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        registry.select(registry.encodings, parse(text)[0])


def test_a_nested_encoding_is_built_for_the_same_geometry(tmp_path: Path) -> None:
    registry = Registry.load([write(tmp_path, WRAPPER)])
    choice = registry.select(registry.encodings, parse("wrapper[base=relative[clip=3]]")[0])
    assert choice.label == "wrapper[base=relative[clip=3]]"
    built = registry.encoding(choice, GEOMETRY)
    assert isinstance(built.base, PositionalEncoding)
    assert built.base.geometry is GEOMETRY
    assert choice == type(choice).model_validate_json(choice.model_dump_json())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        (HEADER + "@hookimpl\ndef posharness_encodigns():\n    return []\n", "posharness_encodigns"),
        (HEADER + "@hookimpl\ndef posharness_encodings():\n    return [3]\n", "expected a subclass"),
        (HEADER + "@hookimpl\ndef posharness_encodings():\n    raise OSError('lost')\n", "OSError: lost"),
        (
            HEADER + "class Mine(PositionalEncoding): pass\n"
            "@hookimpl\ndef posharness_encodings():\n    return [Mine]\n",
            "it has no name",
        ),
    ],
)
def test_a_broken_plugin_is_listed_and_fatal_only_when_selected(tmp_path: Path, text: str, says: str) -> None:
    registry = Registry.load([write(tmp_path, text)])
    assert [broken.name for broken in registry.broken] == ["mine"]
    assert says in registry.broken[0].traceback
    assert registry.encodings.find("rope")
    with pytest.raises(UserError, match=r"'mine' .* could not be loaded"):
        registry.encodings.find("mine")


@pytest.fixture
def rivals(tmp_path: Path) -> Registry:
    """A file whose encoding is called like a built-in one."""
    return Registry.load([write(tmp_path, WRAPPER.replace('"wrapper"', '"rope"'))])


def test_two_plugins_of_one_name_stop_only_who_selects_it(rivals: Registry) -> None:
    assert rivals.encodings.find("alibi")
    with pytest.raises(
        UserError,
        match=r"^posharness and .*mine\.py both offer 'rope'; write posharness:rope or mine:rope\.$",
    ):
        rivals.encodings.find("rope")
    assert {"posharness:rope", "mine:rope"} <= set(rivals.encodings)
    with pytest.raises(UserError, match="'mine:rop'; did you mean 'mine:rope'"):
        rivals.encodings.find("mine:rop")


def test_the_package_tells_two_plugins_of_one_name_apart(rivals: Registry, registry: Registry) -> None:
    theirs, own = (rivals.select(rivals.encodings, parse(f"{p}:rope")[0]) for p in ("posharness", "mine"))
    assert type(rivals.encoding(theirs, GEOMETRY)).__name__ == "Rope"
    assert type(rivals.encoding(own, GEOMETRY)).__name__ == "Wrapper"
    assert (theirs.label, own.label) == ("posharness:rope", "mine:rope")
    # The rival changes the label of the built-in one, and not its cells.
    alone = registry.select(registry.encodings, parse("rope")[0])
    assert alone.identity() == theirs.identity()
    assert registry.select(registry.encodings, parse("posharness:rope")[0]) == alone


def test_an_encoding_and_an_attention_share_their_names(tmp_path: Path) -> None:
    registry = Registry.load([write(tmp_path, WRAPPER.replace('"wrapper"', '"softmax"'))])
    for catalogue in (registry.encodings, registry.attentions):
        with pytest.raises(UserError, match="both offer 'softmax'; "):
            catalogue.find("softmax")
    assert registry.attentions.find("posharness:softmax")
    assert not registry.encodings.has("posharness:softmax")


@pytest.mark.parametrize("hook", ["", "@hookimpl\ndef posharness_encodings(): return []"])
def test_a_file_that_offers_nothing_is_refused(tmp_path: Path, hook: str) -> None:
    with pytest.raises(UserError, match=r"mine.py: it offers no plugin.*posharness_encodings, "):
        Registry.load([write(tmp_path, HEADER + hook)])


def test_a_file_given_twice_is_loaded_once(tmp_path: Path) -> None:
    path = write(tmp_path, WRAPPER)
    registry = Registry.load([path, path.parent / "." / path.name])
    assert not registry.broken
    assert registry.encodings.find("wrapper")


def test_a_constructor_that_exits_is_an_error_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deed = "import sys; print('he\\x1b[2Jllo'); print('there', file=sys.stderr); raise SystemExit(0)"
    exits = WRAPPER.replace("super().__init__(geometry)", deed)
    registry = Registry.load([write(tmp_path, exits)])
    choice = registry.select(registry.encodings, parse("wrapper")[0])
    with pytest.raises(PluginExit, match="SystemExit: 0"):
        registry.encoding(choice, GEOMETRY)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "he\N{REPLACEMENT CHARACTER}[2Jllo\nthere\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        Registry.load([tmp_path / "none.py"])


def test_building_twice_gives_separate_parameters(registry: Registry) -> None:
    choice = registry.select(registry.encodings, parse("learned")[0])
    first, second = (registry.encoding(choice, GEOMETRY) for _ in range(2))
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    assert all(isinstance(p, torch.Tensor) for p in first.parameters())


def test_a_hyphen_is_as_good_as_an_underscore(registry: Registry) -> None:
    assert registry.tasks.find("offset-recall") is registry.tasks.find("offset_recall")


def test_a_plugin_whose_import_hangs_is_named_while_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discovery, "_PATIENCE", 0.3)
    Registry.load([write(tmp_path, f"import time\ntime.sleep(1)\n{WRAPPER}", "sleeper.py")])
    (said,) = [record.getMessage() for record in caplog.records if "sleeper" in record.getMessage()]
    assert "The plugin 'sleeper'" in said
    assert "has not ended its import after 0.3 seconds" in said
