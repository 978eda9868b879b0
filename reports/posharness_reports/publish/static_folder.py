"""Publishes compiled reports in a static folder, with an index page that lists them."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import Timeout

from posharness.contracts import HarnessWarning, UserError
from posharness.contracts.atomic_files import exchange, write_folder
from posharness.contracts.locks import locked
from posharness_reports.publish.index_page import feed, index_page, is_ours
from posharness_reports.publish.preview import PREVIEW, address, picture, with_picture
from posharness_reports.publish.report_folder import NotAReport, ReportFolder, read_about, read_report

__all__ = ["publish"]

_OWN = ".posharness"
"""The hidden folder in a site that holds the lock and what is not finished."""

_PAGES = {"index.html": index_page, "feed.xml": feed}

_PATIENCE = 60.0
"""For how many seconds another process may hold the lock; publishing takes far less than one."""


def publish(report: Path, to: Path) -> Path:
    """Copy a report to `to/<id>/` and list it in `to/index.html`, newest first; twice changes nothing.

    A picture for links to it, `preview.png`, is made beside its page. The page names it by its address if the
    site has a file CNAME with its domain, and else relative to itself, which not every service follows.

    Only published reports and their index page are ever replaced. A process that is killed leaves each report
    as it was or as it was to become; processes that publish at once wait for each other. An index page links
    only what is there.

    Args:
        report: the folder of a compiled report, or its report.html.

    Returns:
        The path of the index page.

    Raises:
        UserError: `report` is not a compiled report or has a link in it; or `to` cannot be written, or has
            something else in the place of the report or of the index page.

    Warns:
        HarnessWarning: a folder in `to` has a report.json and is not a published report. It is left as it is.
    """
    given = report.parent if report.name == "report.html" else report
    try:
        # The path that the user gives may be a link; what is in the folder may not.
        source = Path(os.path.realpath(given))
        compiled = read_report(source)
    except (NotAReport, ValueError) as error:
        raise UserError(
            f"{given} is not a compiled report: {error}. Make one with `harness report STORE`."
        ) from None
    try:
        if to.exists() and not to.is_dir():
            raise UserError(f"--to {to} is a file. Give a folder to publish into.")
        site = Path(os.path.realpath(to))
        if site.is_relative_to(source):
            raise UserError(f"--to {to} is inside the report. Give a folder elsewhere.")
        site.mkdir(parents=True, exist_ok=True)
        with _workspace(site) as workspace:
            for name in _PAGES:
                _refuse_foreign(site / name)
            _put(_with_preview(compiled, address(site)), site, workspace)
            _write_index(site, workspace)
    except Timeout:
        raise UserError(
            f"Another process has been publishing into {to} for {_PATIENCE:.0f} s. "
            "Try again when it has ended."
        ) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(
            f"--to {to} cannot be written ({reason}). Give a folder that can be written."
        ) from None
    return to / "index.html"


@contextmanager
def _workspace(site: Path) -> Iterator[Path]:
    """An empty folder in the site's file system, which this process has for itself until the block ends."""
    own = site / _OWN
    workspace = own / "unfinished"
    lock = own / "publish.lock"
    for place in (own, workspace, lock):
        if place.is_symlink():
            raise UserError(f"{place} is a link. Remove it, and publish again.")
    own.mkdir(exist_ok=True)
    with locked(lock, f"is publishing into {site}", seconds=_PATIENCE):
        if workspace.exists():
            _restore(site, workspace)
            shutil.rmtree(workspace)
        workspace.mkdir()
        try:
            yield workspace
        finally:
            _restore(site, workspace)
            shutil.rmtree(workspace, ignore_errors=True)


def _with_preview(compiled: ReportFolder, base: str) -> ReportFolder:
    """The report with the picture of its link, which its page names."""
    page = with_picture(compiled.files["report.html"], compiled.about["id"], base)
    files = {**compiled.files, "report.html": page, PREVIEW: picture(compiled.about)}
    return replace(compiled, files=files)


def _put(compiled: ReportFolder, site: Path, workspace: Path) -> None:
    """Put a report in its place, in one step."""
    target = site / compiled.about["id"]
    present = os.path.lexists(target)
    if present:
        published = _published(target)
        if published.files == compiled.files:
            return
        if published.others:
            raise UserError(
                f"{target} holds {published.others[0]!r}, which is no part of a report and would be lost. "
                "Move it elsewhere, and publish again."
            )
    new = workspace / "new" / target.name
    write_folder(new, compiled.files)
    if not present:
        new.rename(target)
        return
    try:
        exchange(new, target)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        _replace_in_two_steps(new, target, workspace)


def _published(target: Path) -> ReportFolder:
    try:
        published = read_report(target)
        if published.about["id"] != target.name:
            raise NotAReport(f"its id is {published.about['id']!r}")
    except NotAReport as error:
        raise UserError(
            f"{target} exists and is not a published report: {error}. "
            "Move it elsewhere, or publish into another folder."
        ) from None
    return published


def _replace_in_two_steps(new: Path, target: Path, workspace: Path) -> None:
    """Replace a report where the file system cannot exchange two folders, as some over a network.

    For a moment the report is missing, so the index page does not link it then. If the process is killed in
    that moment, the next one that publishes puts the earlier report back.
    """
    _write_index(target.parent, workspace, without=target.name)
    old = workspace / "old" / target.name
    old.parent.mkdir()
    target.rename(old)
    new.rename(target)
    # Whatever is in `old` is whole: what is replaced leaves it before it is deleted.
    old.rename(workspace / "replaced")


def _restore(site: Path, workspace: Path) -> None:
    """Put back a report that was moved aside and not replaced."""
    for old in (workspace / "old").glob("*"):
        if not os.path.lexists(site / old.name):
            old.rename(site / old.name)


def _refuse_foreign(page: Path) -> None:
    if not os.path.lexists(page):
        return
    if page.is_symlink() or not page.is_file() or not is_ours(page.read_bytes()):
        raise UserError(
            f"{page} exists, and `harness publish` did not write it. "
            "Move it elsewhere, or publish into another folder."
        )


def _write_index(site: Path, workspace: Path, *, without: str = "") -> None:
    """List what is in the site, not what was listed before."""
    reports = [about for about in _reports(site) if about["id"] != without]
    reports.sort(key=lambda about: (about["created"], about["id"]), reverse=True)
    base = address(site)
    pictured = next((about["id"] for about in reports if (site / about["id"] / PREVIEW).is_file()), "")
    for name, made in _PAGES.items():
        page, target = made(reports, base, pictured), site / name
        if not target.is_file() or target.read_bytes() != page:
            aside = workspace / name
            aside.write_bytes(page)
            aside.replace(target)


def _reports(site: Path) -> Iterator[dict[str, Any]]:
    for folder in sorted(site.iterdir()):
        try:
            (folder / "report.json").lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # Reading it says why.
        try:
            about = read_about(folder)
            if about["id"] != folder.name:
                raise NotAReport(f"its id is {about['id']!r}")
        except NotAReport as error:
            warnings.warn(
                HarnessWarning(
                    f"{folder} is not a published report: {error}. It is left as it is, and not listed."
                ),
                stacklevel=2,
            )
        else:
            yield about
