"""The documentation builds as a site, and a dead link or an object that is gone stops the build."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("zensical", reason="the site is built with the extra docs")

ROOT = Path(__file__).parents[1]


def build(folder: Path, page: str = "") -> subprocess.CompletedProcess[str]:
    """Build a copy of the site whose front page ends with `page`."""
    shutil.copy(ROOT / "zensical.toml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "harness").symlink_to(ROOT / "harness")
    index = folder / "docs" / "index.md"
    index.write_text(f"{index.read_text('utf-8')}\n{page}\n", "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for source in (tmp_path / "docs").rglob("*.md"):
        page = source.relative_to(tmp_path / "docs").with_suffix("")
        made = tmp_path / "site" / (page.parent if page.name == "index" else page) / "index.html"
        assert made.is_file(), page


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (
            "[gone](reference/gone.md)\n[gone](reference/slots.md#gone)",
            ("page does not exist", "anchor does not exist", "2 issues found"),
        ),
        ("::: posharness.contracts.Gone", ("posharness.contracts.Gone could not be found",)),
    ],
)
def test_dead_links_and_objects_that_are_gone_stop_the_build(
    faults: str, said: tuple[str, ...], tmp_path: Path
) -> None:
    done = build(tmp_path, faults)
    assert done.returncode != 0
    for words in said:
        assert words in done.stdout + done.stderr
