"""The parts of the documentation that are made from the code are those that the code makes today."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_made_parts_are_up_to_date(page: Path, generate: ModuleType) -> None:
    text = page.read_text("utf-8")
    assert text.count("<!-- made: ") == len(generate.MARKED.findall(text))
    assert generate.filled(text) == text, "run `python docs/generate.py`"


def test_every_part_stands_on_some_page(generate: ModuleType) -> None:
    pages = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    assert [name for name in generate.PARTS if f"<!-- made: {name} -->" not in pages] == []
