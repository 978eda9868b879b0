"""Publishing into one site or one branch of a git repository: at once, again, refused, and killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.core.commands import harness
from tests.faults.amount import amount
from tests.faults.crashing import ended_before
from tests.reports.publish.publishing import publish_together
from tests.reports.publish.small_reports import write_report

pytestmark = pytest.mark.faults


def test_sixty_rounds_of_six_at_once_lose_no_report(tmp_path: Path) -> None:
    publish_together(60, tmp_path)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    path = tmp_path / "pages.git"
    git(tmp_path, "init", "--quiet", "--bare", str(path))
    return path


def listed(remote: Path) -> list[str]:
    """The reports of the branch, each of which its index links."""
    files = git(remote, "ls-tree", "-r", "--name-only", "pages").splitlines()
    index = git(remote, "show", "pages:index.html")
    found = [name.removesuffix("/report.html") for name in files if name.endswith("/report.html")]
    assert all(f'href="{name}/report.html"' in index for name in found)
    assert index.count("/report.html") == len(found)
    return found


def test_a_bare_repository_is_published_into(remote: Path, tmp_path: Path) -> None:
    """Twice, a second report, a refused push, two at once: the state of the branch after each."""
    place = f"{remote}#pages"
    names = [f"report-{number}" for number in range(5)]
    reports = [write_report(tmp_path / "reports" / name) for name in names]
    assert harness("publish", reports[0], "--to", place).status == 0
    once = git(remote, "rev-parse", "pages")
    assert harness("publish", reports[0], "--to", place).status == 0
    assert git(remote, "rev-parse", "pages") == once
    tree = git(remote, "ls-tree", "pages:report-0")
    assert harness("publish", reports[1], "--to", place).status == 0
    assert listed(remote) == names[:2]
    assert git(remote, "ls-tree", "pages:report-0") == tree

    before = git(remote, "rev-parse", "pages")
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on Sundays >&2\nexit 1\n")
    hook.chmod(0o755)
    refused = harness("publish", reports[2], "--to", place)
    assert refused.status == 2
    assert "not on Sundays" in refused.err
    assert git(remote, "rev-parse", "pages") == before
    hook.unlink()

    program = [sys.executable, "-m", "posharness.cli", "publish"]
    for _ in range(amount(5, 1)):
        running = [subprocess.Popen([*program, report, "--to", place]) for report in reports[2:]]
        assert [process.wait(240) for process in running] == [0, 0, 0]
        assert listed(remote) == names
        git(remote, "update-ref", "refs/heads/pages", before)


def test_publishing_that_is_killed_before_any_file_operation_leaves_the_branch_whole(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = (write_report(tmp_path / "reports" / f"report-{number}") for number in range(2))
    assert harness("publish", first, "--to", f"{remote}#pages").status == 0
    number, killed = 0, True
    while killed:
        copy = tmp_path / "copy.git"
        shutil.copytree(remote, copy)
        killed = ended_before(number, partial(harness, "publish", second, "--to", f"{copy}#pages"))
        assert listed(copy) in (["report-0"], ["report-0", "report-1"])
        for left in tmp_path.glob("posharness-publish-*"):
            os.utime(left, (0, 0))  # it was killed long ago
        assert harness("publish", second, "--to", f"{copy}#pages").status == 0
        assert listed(copy) == ["report-0", "report-1"]
        assert not list(tmp_path.glob("posharness-publish-*"))
        shutil.rmtree(copy)
        number += amount(1, 12)
    assert number > 10
