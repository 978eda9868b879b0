"""Runs `publishers.py` as a program of its own, and says what a site must be afterwards."""

import os
import subprocess
import sys
from pathlib import Path

from tests.reports.publish import publishers
from tests.reports.publish.small_reports import linked, write_report

__all__ = ["publish_together", "publish_with_stops"]


def publish_together(rounds: int, folder: Path) -> None:
    """In each round publish six reports at once into a new site; none may be lost."""
    reports = {write_report(folder / "reports" / f"report-{number}").name for number in range(6)}
    for line in _run("together", str(rounds), str(folder)):
        assert line == "0 0 0 0 0 0"
    for number in range(rounds):
        site = folder / f"site-{number}"
        assert {path.name for path in site.iterdir()} == {".posharness", "feed.xml", "index.html", *reports}
        assert linked(site) == sorted(reports)


def publish_with_stops(how: str, site: Path, report: Path, to: Path, *, exchange: bool = True) -> list[int]:
    """Publish a report on copies of a site, stopped at each operation; how each of them ended."""
    lines = _run("stop", how, str(site), str(report), str(to), NO_EXCHANGE="" if exchange else "1")
    *stopped, last = map(int, lines)
    assert last == publishers.NEVER_STOPPED
    return stopped


def _run(*arguments: str, **environment: str) -> list[str]:
    program = [sys.executable, publishers.__file__, *arguments]
    ended = subprocess.run(
        program, capture_output=True, text=True, timeout=500, env=os.environ | environment, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    return ended.stdout.splitlines()
