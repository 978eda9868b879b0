"""The bibliography of a report: BibTeX of what was run, and of the harness."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from posharness.papers import PAPERS
from posharness.registry.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REFERENCES", "references"]

REFERENCES = "references.bib"
"""The name of the file in a report."""

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def references(registry: Registry, cells: pd.DataFrame) -> str:
    """BibTeX with an entry for the harness, and one for each paper of what the cells were run with.

    A paper that several plugins cite has one entry, whose note names them. A citation that is no arXiv id is
    an entry with the citation as its note. Plugins that are not installed have none.
    """
    cited: dict[str, list[str]] = {}
    for name, paper in _cited(registry, cells):
        if name not in cited.setdefault(paper, []):
            cited[paper].append(name)
    entries = [_harness(), *(_entry(paper, names) for paper, names in sorted(cited.items()))]
    return "\n".join(entries)


def _cited(registry: Registry, cells: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for column, catalogue in (
        ("encoding", registry.encodings),
        ("attention", registry.attentions),
        ("task", registry.tasks),
    ):
        for name in sorted({str(name) for name in cells[column].dropna()}):
            if catalogue.has(name) and (paper := catalogue.find(name).paper):
                yield name, paper


def _harness() -> str:
    fields = {
        "author": "{The posharness maintainers}",
        "title": "{posharness}: accuracy of positional encodings by dependency length",
        "note": f"Version {version('posharness')}",
    }
    return _written("software", "posharness", fields)


def _entry(paper: str, names: Iterable[str]) -> str:
    key = re.sub("[^a-z0-9]+", "-", "-".join(names).lower()).strip("-") or "paper"
    used = f"Source of {', '.join(names)}"
    found = _ARXIV.search(paper)
    if found is None:
        return _written("misc", key, {"note": f"{paper}. {used}"})
    known = PAPERS.get(found[1])
    about = (
        {"author": f"{known[0]} and others", "title": f"{{{known[1]}}}", "year": str(known[2])}
        if known
        else {}
    )
    return _written(
        "misc",
        key,
        {
            **about,
            "eprint": found[1],
            "archiveprefix": "arXiv",
            "url": f"https://arxiv.org/abs/{found[1]}",
            "note": used,
        },
    )


def _written(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{_escaped(name, value)}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}\n"])


def _escaped(field: str, value: str) -> str:
    return value if field == "url" else re.sub(r"([_%&#$])", r"\\\1", value)
