"""The bibliography of a report: an entry for each paper of what was run, and one for the harness."""

from __future__ import annotations

import re
from importlib.metadata import version

import pandas as pd
import pytest

from posharness.papers import PAPERS
from posharness.references import references
from posharness.registry.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def _cells(*encodings: str, task: str = "induction") -> pd.DataFrame:
    return pd.DataFrame(
        [{"encoding": name, "attention": "softmax", "task": task} for name in (*encodings, None)]
    )


def test_every_paper_that_was_used_has_one_entry(registry: Registry) -> None:
    text = references(registry, _cells("rope", "yarn", "ntk", "gone-since"))
    entries = dict(re.findall(r"@\w+\{([^,]+),\n((?:  .*\n)+)\}", text))
    assert next(iter(entries)) == "posharness"
    assert f"Version {version('posharness')}" in entries["posharness"]
    assert set(entries) == {"posharness", "softmax", "rope", "ntk-yarn", "induction"}
    assert "eprint = {2309.00071}" in entries["ntk-yarn"]
    assert "note = {Source of ntk, yarn}" in entries["ntk-yarn"]
    assert "Su, Jianlin and others" in entries["rope"]
    assert text.count("{") == text.count("}")


def test_all_papers_of_built_in_plugins_are_known(registry: Registry) -> None:
    cited = {
        catalogue[name].paper.removeprefix("arXiv:")
        for catalogue in (registry.encodings, registry.attentions, registry.tasks, registry.readings)
        for name in catalogue
        if catalogue[name].paper
    }
    assert cited == set(PAPERS)
    for number, (author, title, year) in PAPERS.items():
        assert re.fullmatch(r"[A-Z][\w’'-]+, [A-Z][\w-]+", author)
        assert title
        # The number begins with the year and month of the first version.
        assert year == 2000 + int(number[:2])


def test_a_citation_that_is_no_arxiv_id_is_kept_and_escaped(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.encodings["rope"], "paper", "Author & Co, 100_% of it, 1999")
    text = references(registry, _cells("rope"))
    assert r"note = {Author \& Co, 100\_\% of it, 1999. Source of rope}" in text
