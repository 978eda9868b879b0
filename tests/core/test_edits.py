"""What an edit trains again and what it reuses; `pytest -s tests/core/test_edits.py` prints the table."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from posharness.defaults import cache_root
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry

from .commands import TINY, harness

PLUGIN = '''"""Two encodings."""
import torch
from labpack.norms import half
from posharness.contracts import PositionalEncoding, hookimpl
from torchpe import tilt

import helper
from builtin_like import slopes

class Mine(PositionalEncoding):
    """Adds a slope."""
    name = "mine"
    summary = "a slope"
    paper = "arXiv:0000.00000"

    def __init__(self, geometry, *, rate: float = 0.5):
        super().__init__(geometry)
        self.rate = rate

    def bias(self, pos_q, pos_k, x):
        distance = (pos_q[:, None] - pos_k).abs().float()
        slope = torch.tensor(slopes(self.geometry.heads))[:, None, None]
        return self.rate * helper.scale(tilt(half(distance * slope)))[None]

class Other(PositionalEncoding):
    name = "other"
    def bias(self, pos_q, pos_k, x):
        return torch.zeros(1, self.geometry.heads, len(pos_q), len(pos_k)) + OFFSET

OFFSET = 1.0

@hookimpl
def posharness_encodings():
    return [Mine, Other]
'''
FILES = {
    "mine.py": PLUGIN,
    "helper.py": "from deeper import factor\n\n"
    "def scale(x):\n    return x * factor()\n\ndef unused():\n    return 1\n",
    "deeper.py": "BASE = 1.0\n\ndef factor():\n    return BASE\n",
    "labpack/__init__.py": "from labpack.norms import half\nfrom labpack.rest import rest\n",
    "labpack/norms.py": "def half(x):\n    return x / 2\n",
    "labpack/rest.py": "def rest():\n    return 0\n",
    "torchpe/__init__.py": "def tilt(x):\n    return -x\n",
    "builtin_like.py": "from posharness_plugins.encodings.alibi import slopes\n",
}
NAMES = {name.partition("/")[0].removesuffix(".py") for name in FILES}
AGAIN, REUSED = "trained again", "reused"
EDITS: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "the encoding itself": (AGAIN, {"mine.py": ("return self.rate *", "return 2 * self.rate *")}),
    "a default of its constructor": (AGAIN, {"mine.py": ("float = 0.5", "float = 0.25")}),
    "helper.py beside it": (AGAIN, {"helper.py": ("x * factor()", "x + factor()")}),
    "the helper of the helper": (AGAIN, {"deeper.py": ("BASE = 1.0", "BASE = 2.0")}),
    "a shared package": (AGAIN, {"labpack/norms.py": ("x / 2", "x / 3")}),
    "a package called torchpe": (AGAIN, {"torchpe/__init__.py": ("-x", "-2 * x")}),
    "code that an import runs": (
        AGAIN,
        {"helper.py": ("def scale", "import math\nmath.tau = 6.0\ndef scale")},
    ),
    "code that the shared package runs": (
        AGAIN,
        {"labpack/__init__.py": ("import half", "import half\nprint()")},
    ),
    "a comment": (REUSED, {"mine.py": ("class Mine", "# It adds.\nclass Mine")}),
    "a docstring": (
        REUSED,
        {
            "mine.py": ("Adds a slope.", "Takes a slope."),
            "helper.py": ("scale(x):", 'scale(x):\n    """It scales."""'),
        },
    ),
    "an annotation": (
        REUSED,
        {
            "mine.py": ("pos_k, x):\n        distance", "pos_k, x: int) -> float:\n        distance: float"),
            "deeper.py": ("BASE =", "BASE: float ="),
        },
    ),
    "its summary": (REUSED, {"mine.py": ('"a slope"', '"a slope for each head"')}),
    "its paper": (REUSED, {"mine.py": ("0000.00000", "1111.11111")}),
    "line breaks": (
        REUSED,
        {
            "mine.py": (
                "(pos_q[:, None] - pos_k)",
                "(\n            pos_q[:, None]\n            - pos_k\n        )",
            )
        },
    ),
    "a function that it does not use": (REUSED, {"helper.py": ("return 1", "return 2")}),
    "a module that it does not use": (REUSED, {"labpack/rest.py": ("return 0", "return 1")}),
    "the second encoding in the file": (
        REUSED,
        {"mine.py": ("len(pos_k)) + OFFSET", "len(pos_k)) - OFFSET")},
    ),
    "a constant of the second encoding": (REUSED, {"mine.py": ("OFFSET = 1.0", "OFFSET = 2.0")}),
}

Key = Callable[..., str]


def write(folder: Path, edits: dict[str, tuple[str, str]] | None = None) -> None:
    for name, text in FILES.items():
        old, new = (edits or {}).get(name, ("", ""))
        assert old in text
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace(old, new) if old else text)


def forget(*names: str) -> None:
    """Take modules out of this process, as a new command begins without them."""
    for name in [name for name in sys.modules if name.partition(".")[0] in {*NAMES, *names}]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
    invalidate_caches()


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    forget()


def key(plugin: Path, name: str = "mine") -> str:
    """The key that a run of the plugin's file would store its cell under."""
    before = list(sys.path)
    forget()
    try:
        experiment = load_experiment(
            preset="smoke", overrides={"plugins": [name], "tasks": ["offset_recall"]}
        )
        registry = Registry.load([plugin])
        assert not registry.broken, registry.broken[0].traceback
        (cell,) = plan(experiment, registry, cache_root())
        return cell.key
    finally:
        sys.path[:] = before


def outcome(before: str, after: str) -> str:
    return REUSED if before == after else AGAIN


def table(found: dict[str, str]) -> str:
    rows = [("edit", "its cells are"), ("---", "---"), *found.items()]
    return "".join(f"| {edit} | {what} |\n" for edit, what in rows)


def test_what_an_edit_trains_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    write(here)
    before = key(here / "mine.py")
    found: dict[str, str] = {}
    for edit, (_, changes) in EDITS.items():
        write(here, changes)
        found[edit] = outcome(before, key(here / "mine.py"))
    write(here)
    found["an edit taken back"] = outcome(before, key(here / "mine.py"))
    found["a built-in that it is composed of"] = outcome(
        before, _with_edited_built_in(here, tmp_path, monkeypatch)
    )
    write(tmp_path / "there")
    (tmp_path / "there" / "mine.py").rename(tmp_path / "there" / "renamed.py")
    found["moved to another folder and name"] = outcome(before, key(tmp_path / "there" / "renamed.py"))
    found["made a package and installed"] = outcome(before, _packaged(tmp_path, monkeypatch))
    expected = {edit: what for edit, (what, _) in EDITS.items()} | {
        "an edit taken back": REUSED,
        "a built-in that it is composed of": AGAIN,
        "moved to another folder and name": REUSED,
        "made a package and installed": REUSED,
    }
    sys.stdout.write("\n" + table(found))
    assert found == expected


def _with_edited_built_in(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key when the file of ALiBi's slopes is another one."""
    import posharness_plugins.encodings.alibi as alibi

    edited = tmp_path / "alibi.py"
    edited.write_text(Path(alibi.__file__).read_text().replace("2.0 ** (-8 *", "2.0 ** (-7 *"))
    with monkeypatch.context() as patch:
        patch.setattr(alibi, "__file__", str(edited))
        return key(here / "mine.py")


def _packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key when the same code lies among installed packages and is offered by an entry point's module."""
    site = tmp_path / "lib" / "site-packages"
    write(site)
    (site / "mine.py").rename(site / "posharness_mine.py")
    info = site / "posharness_mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: posharness-mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[posharness]\nmine = posharness_mine\n")
    listed = ["posharness_mine.py", *(name for name in FILES if name != "mine.py")]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in listed))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(site))
        forget("posharness_mine")
        try:
            experiment = load_experiment(
                preset="smoke", overrides={"plugins": ["mine"], "tasks": ["offset_recall"]}
            )
            (cell,) = plan(experiment, Registry.load(), cache_root())
            return cell.key
        finally:
            forget("posharness_mine")


@pytest.mark.usefixtures("warm_server")
def test_what_a_run_trains_and_reuses_after_edits(tmp_path: Path) -> None:
    settings = tmp_path / "tiny.toml"
    settings.write_text(TINY)

    def run(edits: dict[str, tuple[str, str]] | None = None) -> tuple[int, int]:
        write(tmp_path, edits)
        forget()
        command = [
            "run",
            "--config",
            settings,
            "--plugins",
            "mine,other",
            "--plugin-path",
            tmp_path / "mine.py",
        ]
        ended = harness(*command, "--store", tmp_path / "runs", "--workers", "1", "--no-report")
        assert ended.status == 0, ended.err
        trained = re.search(r"(\d+) trained, (\d+) reused", ended.out + ended.err)
        assert trained, ended.out + ended.err
        return int(trained[1]), int(trained[2])

    assert run() == (2, 0)
    assert run({"mine.py": ("class Mine", "# It adds.\nclass Mine")}) == (0, 2)
    assert "version" not in harness("status", tmp_path / "runs").out.splitlines()[0]
    assert run({"helper.py": ("x * factor()", "x + factor()")}) == (1, 1)
    assert run({"mine.py": ("OFFSET = 1.0", "OFFSET = 2.0")}) == (1, 1)
    assert run() == (0, 2)
    assert "version" in harness("status", tmp_path / "runs").out
