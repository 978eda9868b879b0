"""What a digest follows: every way in which the code of one file can come to use that of another."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import invalidate_caches
from pathlib import Path
from typing import NamedTuple

import pytest

from posharness.errors import UserError
from posharness.registry.plugin_file import import_file
from posharness.registry.source.digest import SourceDigests

HEAD = "from posharness.contracts import PositionalEncoding, hookimpl\n"
BODY = """
class Mine(PositionalEncoding):
    name = "mine"
    def bias(self, pos_q, pos_k, x):
        return {}
"""


class Case(NamedTuple):
    """Files, and an edit of one of them."""

    files: dict[str, str]
    edited: str
    old: str
    new: str
    plugin: str = "Mine"


def uses(
    expression: str,
    imports: str = "",
    *,
    edit: tuple[str, str, str] = ("helper.py", "= 1", "= 2"),
    **files: str,
) -> Case:
    """A plugin that returns an expression, with the files beside it ("__" in a name is "/")."""
    named = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    named = {name.replace("/init.py", "/__init__.py"): text for name, text in named.items()}
    return Case({"mine.py": HEAD + imports + BODY.format(expression), **named}, *edit)


VALUE = "value = 1\n"
INIT = ("lab/__init__.py", "= 1", "= 2")
SUB = ("lab/sub.py", "= 1", "= 2")
MINE = ("mine.py", "= 1", "= 2")

COUNTS: dict[str, Case] = {
    "an import": uses("value", "from helper import value\n", helper=VALUE),
    "an import under another name": uses("h.value", "import helper as h\n", helper=VALUE),
    "an import inside the method": uses(
        "0\n        import helper\n        return helper.value", helper=VALUE
    ),
    "an import in the body of the class": uses("self.value\n    from helper import value", helper=VALUE),
    "a star import": uses("value", "from helper import *\n", helper=VALUE),
    "a star import of a star import": uses(
        "value", "from middle import *\n", middle="from helper import *\n", helper=VALUE
    ),
    "a star import that hides a built-in name": uses(
        "round(x)", "from helper import *\n", helper="n = 1\ndef round(x):\n    return n\n"
    ),
    "a star import that hides a definition before it": uses(
        "value", "value = 0\nfrom helper import *\n", helper=VALUE
    ),
    "a conditional import": uses(
        "h.value",
        "import sys\nif sys.maxsize:\n    import helper as h\nelse:\n    import other as h\n",
        helper=VALUE,
        other=VALUE,
    ),
    "an import in try": uses(
        "value", "try:\n    from helper import value\nexcept ImportError:\n    value = 0\n", helper=VALUE
    ),
    "an import after a failed one": uses(
        "value",
        "try:\n    from nowhere_to_be_found import value\n"
        "except ImportError:\n    from helper import value\n",
        helper=VALUE,
    ),
    "import_module": uses(
        "h.value", "from importlib import import_module\nh = import_module('helper')\n", helper=VALUE
    ),
    "import_module in the method": uses(
        "importlib.import_module('helper').value", "import importlib\n", helper=VALUE
    ),
    "import_module of a computed name": uses(
        "importlib.import_module('help' + str('er')).value", "import importlib\n", helper=VALUE
    ),
    "__import__": uses("__import__('helper').value", helper=VALUE),
    "a package's re-export": uses(
        "value", "from lab import value\n", edit=SUB, lab__init="from .sub import value\n", lab__sub=VALUE
    ),
    "a package's re-export of a module": uses(
        "lab.sub.value", "import lab\n", edit=SUB, lab__init="from . import sub\n", lab__sub=VALUE
    ),
    "a module re-exported by name": uses(
        "sub.value", "from lab import sub\n", edit=SUB, lab__init="from lab import sub\n", lab__sub=VALUE
    ),
    "a relative import inside a package": uses(
        "run()",
        "from lab.use import run\n",
        edit=SUB,
        lab__init="",
        lab__use="from .sub import value\ndef run():\n    return value\n",
        lab__sub=VALUE,
    ),
    "a relative import from above": uses(
        "run()",
        "from lab.inner.use import run\n",
        edit=SUB,
        lab__init="",
        lab__inner__init="",
        lab__inner__use="from ..sub import value\ndef run():\n    return value\n",
        lab__sub=VALUE,
    ),
    "a lazy __getattr__ of a package": uses(
        "lab.value",
        "import lab\n",
        edit=SUB,
        lab__init="from importlib import import_module\ndef __getattr__(name):\n"
        "    return getattr(import_module('.' + 'sub', __name__), name)\n",
        lab__sub=VALUE,
    ),
    "a package without __init__": uses("lab.sub.value", "import lab.sub\n", edit=SUB, lab__sub=VALUE),
    "getattr of a module": uses("getattr(helper, 'val' + 'ue')", "import helper\n", helper=VALUE),
    "a module in a variable": uses("alias.value", "import helper\nalias = helper\n", helper=VALUE),
    "a class attribute that a function computes": uses(
        "self.table\n    table = build()",
        "from helper import build\n",
        helper="def build(n = 1):\n    return n\n",
    ),
    "a decorator": uses(
        "0\n    @twice\n    def scores(self, *args):\n        return args[0]",
        "from helper import twice\n",
        helper="n = 1\ndef twice(f):\n    return lambda *a: n * f(*a)\n",
    ),
    "a base class in another file": Case(
        {
            "mine.py": HEAD + 'from helper import Base\nclass Mine(Base):\n    name = "mine"\n',
            "helper.py": HEAD + "class Base(PositionalEncoding):\n"
            "    def bias(self, *args):\n        return self.n\n    n = 1\n",
        },
        "helper.py",
        "n = 1",
        "n = 2",
    ),
    "a mixin": Case(
        {
            "mine.py": HEAD
            + 'from helper import Mixin\nclass Mine(Mixin, PositionalEncoding):\n    name = "mine"\n',
            "helper.py": "class Mixin:\n    n = 1\n    def bias(self, *args):\n        return self.n\n",
        },
        "helper.py",
        "n = 1",
        "n = 2",
    ),
    "a constant of the module": uses("RATE", "RATE = 1\n", edit=MINE),
    "a constant that is changed later": uses("RATE['a']", "RATE = {}\nRATE['a'] = 1\n", edit=MINE),
    "a constant that a loop fills": uses(
        "RATE[0]", "RATE = []\nfor i in range(3):\n    n = 1\n    RATE.append(n)\n", edit=MINE
    ),
    "a constant named by :=": uses(
        "RATE", "if (RATE := 1) and (n := 3):\n    pass\n", edit=("mine.py", ":= 1", ":= 2")
    ),
    "functools.partial": uses(
        "fast(x)",
        "from functools import partial\nfrom helper import f\nfast = partial(f, 3)\n",
        helper="def f(n, x, m = 1):\n    return m\n",
    ),
    "a lambda in a dict": uses("TABLE['a'](x)", "TABLE = {'a': lambda x, n = 1: n}\n", edit=MINE),
    "a helper class in an attribute": uses(
        "self.helper_class().n\n    helper_class = Helper",
        "from helper import Helper\n",
        helper="class Helper:\n    n = 1\n",
    ),
    "a dataclass": uses(
        "Settings().n",
        "from helper import Settings\n",
        helper="from dataclasses import dataclass\n@dataclass\nclass Settings:\n    n: int = 1\n",
    ),
    "a registry filled by a decorator": uses(
        "KNOWN['f'](x)",
        "from helper import KNOWN\nimport more\n",
        edit=("more.py", "= 1", "= 2"),
        helper="KNOWN = {}\ndef register(f):\n    KNOWN[f.__name__] = f\n    return f\n",
        more="from helper import register\n@register\ndef f(x, n = 1):\n    return n\n",
    ),
    "a registry filled by subclassing": uses(
        "KNOWN['F'].n",
        "from helper import KNOWN\nimport more\n",
        edit=("more.py", "= 1", "= 2"),
        helper="KNOWN = {}\nclass Base:\n"
        "    def __init_subclass__(cls):\n        KNOWN[cls.__name__] = cls\n",
        more="from helper import Base\nclass F(Base):\n    n = 1\n",
    ),
    "a registry filled by a metaclass": uses(
        "KNOWN['F'].n",
        "from helper import KNOWN\nimport more\n",
        edit=("more.py", "= 1", "= 2"),
        helper="KNOWN = {}\nclass Meta(type):\n"
        "    def __init__(cls, *args):\n        KNOWN[cls.__name__] = cls\n",
        more="from helper import Meta\nclass F(metaclass=Meta):\n    n = 1\n",
    ),
    "a registry filled by an assigned call": uses(
        "KNOWN[0]",
        "from helper import KNOWN\nimport more\n",
        edit=("more.py", "(1)", "(2)"),
        helper="KNOWN = []\ndef register(n):\n    KNOWN.append(n)\n",
        more="from helper import register\n_ = register(1)\n",
    ),
    "subclasses that are listed": uses(
        "Base.__subclasses__()[0].n",
        "from helper import Base\nfrom more import Other\n",
        edit=("more.py", "= 1", "= 2"),
        helper="class Base:\n    pass\n",
        more="from helper import Base\nclass Other(Base):\n    n = 1\n",
    ),
    "another module's constant that is replaced": uses(
        "helper.value",
        "import helper\nimport more\n",
        edit=("more.py", "= 1", "= 2"),
        helper="value = 0\n",
        more="import helper\nhelper.value = 1\n",
    ),
    "another module's constant replaced under an alias": uses(
        "helper.value['a']",
        "import helper\nimport more\n",
        edit=("more.py", "= 1", "= 2"),
        helper="value = {}\n",
        more="import helper\ntable = helper.value\ntable['a'] = 1\n",
    ),
    "a class that a function makes": Case(
        {
            "mine.py": HEAD + "from helper import make\nMine = make(1)\n",
            "helper.py": HEAD + "def make(n):\n    class Made(PositionalEncoding):\n        name = 'mine'\n"
            "        def bias(self, *args):\n            return n\n    return Made\n",
        },
        "mine.py",
        "(1)",
        "(2)",
    ),
    "a class that type() makes": Case(
        {"mine.py": HEAD + "Mine = type('Made', (PositionalEncoding,), {'name': 'mine', 'n': 1})\n"},
        "mine.py",
        "'n': 1",
        "'n': 2",
    ),
    "an attribute set after the class": Case(
        {"mine.py": HEAD + BODY.format("self.n") + "Mine.n = 1\n"}, "mine.py", "n = 1", "n = 2"
    ),
    "a package called torchpe": uses(
        "value",
        "from torchpe import value\n",
        edit=("torchpe/__init__.py", "= 1", "= 2"),
        torchpe__init=VALUE,
    ),
    "a module called numpy_ext": uses(
        "value", "from numpy_ext import value\n", edit=("numpy_ext.py", "= 1", "= 2"), numpy_ext=VALUE
    ),
    "a module called posharness_mylab": uses(
        "value",
        "from posharness_mylab import value\n",
        edit=("posharness_mylab.py", "= 1", "= 2"),
        posharness_mylab=VALUE,
    ),
    "a table in a file beside it": Case(
        {
            "mine.py": HEAD + "import json\nfrom pathlib import Path\n"
            "TABLE = json.loads((Path(__file__).parent / 'table.json').read_text())\n" + BODY.format("TABLE"),
            "table.json": "[1]",
        },
        "table.json",
        "1",
        "2",
    ),
    "a block that runs under the module's own name": uses(
        "value",
        "from helper import value\n",
        helper='value = 0\nif __name__ == "helper":\n    value = 1\n',
        edit=("helper.py", "value = 1", "value = 2"),
    ),
    "a module that an import executes": uses(
        "torch.n",
        "import torch\nimport lab.patch\n",
        edit=("lab/patch.py", "= 1", "= 2"),
        lab__init="",
        lab__patch="import torch\ntorch.n = 1\n",
    ),
    "a table in a folder beside it": Case(
        {
            "mine.py": HEAD
            + "from pathlib import Path\n"
            + BODY.format("(Path(__file__).parent / 'data' / 'table.csv').read_text()"),
            "data/table.csv": "1,2",
        },
        "data/table.csv",
        "1,2",
        "3,4",
    ),
    "an import that a function makes global": uses(
        "load() or helper.value", "def load():\n    global helper\n    import helper\n", helper=VALUE
    ),
    "the annotation of an option": Case(
        {
            "mine.py": HEAD + "class Mine(PositionalEncoding):\n    name = 'mine'\n"
            "    def __init__(self, geometry, *, rate: float = 1):\n        super().__init__(geometry)\n"
        },
        "mine.py",
        "rate: float",
        "rate: int",
    ),
    "the annotation of a field of a dataclass": uses(
        "Settings(1).n",
        "from helper import Settings\n",
        edit=("helper.py", "n: int", "m: int"),
        helper="from dataclasses import dataclass\n@dataclass\nclass Settings:\n    n: int\n",
    ),
}

DOES_NOT_COUNT: dict[str, Case] = {
    "an import for type checkers": uses(
        "0",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from helper import value\n",
        helper=VALUE,
    ),
    "a block for `python helper.py`": uses(
        "value", "from helper import value\n", helper='value = 0\nif __name__ == "__main__":\n    value = 1\n'
    ),
    "the annotation of a field of a plain class": uses(
        "Settings.n",
        "from helper import Settings\n",
        edit=("helper.py", "n: int", "n: float"),
        helper="class Settings:\n    n: int = 1\n",
    ),
    "the annotation of a function of a helper": uses(
        "f(x)",
        "from helper import f\n",
        edit=("helper.py", "-> int", "-> float"),
        helper="def f(x) -> int:\n    return x\n",
    ),
    "a decorated function that is not used": uses(
        "value",
        "from helper import value\n",
        helper="from functools import cache\nvalue = 0\n@cache\ndef unused(n = 1):\n    return n\n",
    ),
    "a list of another encoding's distances": uses("0", "TABLE = list(range(3))\nN = 1\n", edit=MINE),
    "the list of encodings that the file offers": Case(
        {
            "mine.py": HEAD + BODY.format("0") + "class B(Mine):\n    name = 'b'\n"
            "@hookimpl\ndef posharness_encodings():\n    return [Mine]\n"
        },
        "mine.py",
        "[Mine]",
        "[Mine, B]",
    ),
    "a text that nothing reads": uses("0", '"""Text one."""\n', edit=("mine.py", "Text one", "Text two")),
}


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def digest(folder: Path, case: Case) -> str:
    """The digest of the plugin in a folder, as a new process would make it."""
    path = list(sys.path)
    sys.path_importer_cache.clear()
    invalidate_caches()
    try:
        module = import_file(folder / "mine.py")
        cls = getattr(module, case.plugin)
        return SourceDigests({cls: module.__name__}).digest(cls)
    finally:
        sys.path[:] = path
        forget(folder)


def forget(folder: Path) -> None:
    """Take the modules of a folder out of this process."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        searched = list(spec.submodule_search_locations or ()) if spec else []
        if any(str(folder) in str(place) for place in (spec and spec.origin, *searched)):
            del sys.modules[name]


def outcome(tmp_path: Path, case: Case) -> bool:
    """Whether the edit changes the digest."""
    for name, text in case.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = digest(tmp_path, case)
    text = case.files[case.edited]
    assert case.old in text
    (tmp_path / case.edited).write_text(text.replace(case.old, case.new))
    return digest(tmp_path, case) != before


@pytest.mark.parametrize("edit", COUNTS)
def test_code_that_is_reached_counts(edit: str, tmp_path: Path) -> None:
    assert outcome(tmp_path, COUNTS[edit])


@pytest.mark.parametrize("edit", DOES_NOT_COUNT)
def test_what_cannot_act_does_not_count(edit: str, tmp_path: Path) -> None:
    assert not outcome(tmp_path, DOES_NOT_COUNT[edit])


def test_a_digest_does_not_depend_on_the_order_of_sets(tmp_path: Path) -> None:
    names = [f"part{number}" for number in range(8)]
    plugin = HEAD + "".join(f"import {name}\n" for name in names) + BODY.format("0")
    (tmp_path / "mine.py").write_text(plugin)
    for number, name in enumerate(names):  # one text, which leads to another function in each
        (tmp_path / f"{name}.py").write_text(f"def fill():\n    return {number}\nfill()\n")
    program = (
        "import sys; from pathlib import Path; from posharness.registry.plugin_file import import_file; "
        "from posharness.registry.source.digest import SourceDigests; "
        "print(SourceDigests().digest(import_file(Path(sys.argv[1])).Mine))"
    )
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in "12"]
    command = [sys.executable, "-B", "-c", program, str(tmp_path / "mine.py")]
    first, second = (subprocess.check_output(command, env=env, text=True) for env in seeds)
    assert first == second


def test_a_class_without_source_is_refused() -> None:
    nowhere = type("Nowhere", (), {"name": "nowhere", "__module__": "a_module_without_file"})
    with pytest.raises(UserError, match="No source of the plugin 'nowhere' was found"):
        SourceDigests().digest(nowhere)


@pytest.mark.parametrize(
    "imports", ["import helper\n", "import middle\n", "def later():\n    import helper\n"]
)
def test_a_module_of_another_folder_in_place_of_the_one_beside_is_refused(
    imports: str, tmp_path: Path
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(f"value = {folder!r}\n")
        (tmp_path / folder / "mine.py").write_text(HEAD + "import helper\n" + BODY.format("0"))
    (tmp_path / "second" / "middle.py").write_text("from helper import value\n")
    (tmp_path / "second" / "mine.py").write_text(HEAD + imports + BODY.format("0"))
    try:
        import_file(tmp_path / "first" / "mine.py")
        with pytest.raises(ImportError, match=r"'helper', which lies beside it, and was given .*first"):
            import_file(tmp_path / "second" / "mine.py")
    finally:
        forget(tmp_path)
