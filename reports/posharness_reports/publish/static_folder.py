"""Publishes compiled reports in a static folder, with an index page that lists them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from posharness.contracts import UserError
from posharness.contracts.atomic_files import write_bytes, write_folder
from posharness_reports.publish.index_page import index_page

__all__ = ["FORMAT", "publish"]

FORMAT = 1
"""The format of report.json."""

_FILES = ("report.html", "report.md", "report.json")
_FOLDERS = ("figures", "tables")
_EXPECTED = ("id", "title", "created", "headline", "cells", "tasks", "encodings")


def publish(report: Path, to: Path) -> Path:
    """Copy a report to `to/<id>/` and list it in `to/index.html`, newest first; twice changes nothing.

    Args:
        report: the folder of a compiled report, or its report.html.

    Returns:
        The path of the index page.

    Raises:
        UserError: `report` is not a compiled report, or `to` cannot be written.
    """
    folder = report.parent if report.name == "report.html" else report
    about = _about(folder)
    if to.exists() and not to.is_dir():
        raise UserError(f"--to {to} is a file. Give a folder to publish into.")
    files = _files(folder)
    listed = {about["id"]: about}
    for place in sorted(to.glob("*/report.json")):
        other = _about(place.parent)
        listed.setdefault(other["id"], other)
    newest_first = sorted(listed.values(), key=lambda entry: (entry["created"], entry["id"]), reverse=True)
    index = to / "index.html"
    try:
        if not (to / about["id"]).is_dir() or _files(to / about["id"]) != files:
            write_folder(to / about["id"], files, replace=True)
        page = index_page(newest_first)
        if not index.is_file() or index.read_bytes() != page:
            write_bytes(index, page)
    except OSError as error:
        raise UserError(
            f"--to {to} cannot be written ({error.strerror}). Give a folder that can be written."
        ) from None
    return index


def _about(folder: Path) -> dict[str, Any]:
    """The content of report.json in `folder`."""
    try:
        about = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        whole = (folder / "report.html").is_file()
    except (OSError, ValueError):
        about, whole = None, False
    if not whole or not isinstance(about, dict) or any(key not in about for key in _EXPECTED):
        raise UserError(
            f"{folder} is not a compiled report: expected a folder with report.html and report.json. "
            "Make one with `harness report STORE`."
        )
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder} was compiled by another version (format {about.get('format')}, expected {FORMAT}). "
            "Compile it again with `harness report STORE`."
        )
    if not re.fullmatch(r"[\w-][\w.-]*", str(about["id"])):
        raise UserError(
            f"{folder} has the id {about['id']!r}, which cannot be the name of a folder: expected letters, "
            "digits, dots and hyphens. Compile it again with `harness report STORE`."
        )
    return about


def _files(folder: Path) -> dict[str, bytes]:
    paths = [folder / name for name in _FILES]
    paths += [path for name in _FOLDERS for path in sorted((folder / name).glob("*"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}
