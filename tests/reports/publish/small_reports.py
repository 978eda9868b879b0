"""Reports of a few bytes, shaped as the compiler writes them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posharness_reports.publish.preview import PREVIEW


def write_report(folder: Path, *, words: str = "first", **fields: Any) -> Path:
    """Write a report into a folder, which names its id; fields replace those of report.json."""
    about = {
        "format": 1,
        "id": folder.name,
        "title": f"Report {folder.name}",
        "created": "2026-01-01T00:00:00Z",
        "headline": words,
        "cells": {"done": 2},
        "tasks": ["copy"],
        "encodings": ["rope"],
    }
    files = {
        "report.html": f"<p>{words}</p>",
        "report.md": words,
        "report.json": json.dumps(about | fields),
        "figures/accuracy.svg": f"<svg>{words}</svg>",
        "tables/accuracy.csv": f"label\n{words}\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def contents(folder: Path) -> Mapping[str, bytes]:
    """Every file in a folder, without the pictures that publishing draws."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != PREVIEW)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def linked(site: Path) -> list[str]:
    """The ids that the index page of a site links; none if there is no page yet."""
    index = site / "index.html"
    if not index.exists():
        return []
    page = index.read_text(encoding="utf-8")
    assert page.endswith("</html>\n")
    return sorted(re.findall(r'href="([^"/]+)/report\.html"', page))
