"""Shape annotations are checked while the tests run: a tensor of another shape than annotated is refused."""

import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
from jaxtyping import TypeCheckError, install_import_hook

from posharness.contracts import Batch
from posharness_plugins.attentions.softmax import Softmax

MISANNOTATED = """
from __future__ import annotations
from jaxtyping import Float
from torch import Tensor

def scores(q: Float[Tensor, "b q d"], k: Float[Tensor, "b k d"]) -> Float[Tensor, "b k q"]:
    return q @ k.mT

def label(q: str) -> str:
    return q
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "misannotated.py").write_text(MISANNOTATED)
    monkeypatch.syspath_prepend(tmp_path)
    with install_import_hook("misannotated", "tools.check_shapes"):
        yield import_module("misannotated")
    del sys.modules["misannotated"]


def test_a_planted_wrong_annotation_is_refused(planted: ModuleType) -> None:
    square = torch.ones(2, 3, 5)
    assert planted.scores(square, square).shape == (2, 3, 3)
    with pytest.raises(TypeCheckError, match="return value of misannotated"):
        planted.scores(torch.ones(2, 3, 5), torch.ones(2, 7, 5))
    with pytest.raises(TypeCheckError, match="parameter 'k'"):
        planted.scores(torch.ones(2, 3, 5), torch.ones(2, 7, 11))


def test_what_names_no_shape_is_left_to_mypy(planted: ModuleType) -> None:
    assert planted.label(3) == 3


def test_the_packages_themselves_are_checked() -> None:
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    with pytest.raises(TypeCheckError, match="targets"):
        Batch(tokens, tokens[:, 1:], tokens >= 0, tokens)
    with pytest.raises(TypeCheckError):
        Softmax.forward(None, torch.ones(2, 3, 5, 7), torch.ones(2, 3, 5, 11), None, None, None)


def test_every_file_that_names_shapes_is_checked() -> None:
    root = Path(__file__).parents[1]
    options = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    (packages,) = (option.partition("=")[2] for option in options if option.startswith("--jaxtyping"))
    checked = tuple(f"{name}." for name in packages.split(",")[:-1])
    sources = [
        f"{'.'.join(path.relative_to(root / home).with_suffix('').parts)}."
        for home in ("harness", "plugins", "tasks", "reports")
        for path in (root / home).rglob("*.py")
        if "jaxtyping" in path.read_text()
    ]
    assert len(sources) > 50
    assert [source for source in sources if not source.startswith(checked)] == []
