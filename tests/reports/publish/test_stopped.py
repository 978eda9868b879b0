"""Publishing that is killed at any operation, or finds the disk full, and publishing at once with others."""

from pathlib import Path

import pytest

from posharness_reports.publish.static_folder import publish
from tests.reports.publish.publishing import publish_together, publish_with_stops
from tests.reports.publish.small_reports import contents, linked, write_report


def test_reports_published_at_once_are_all_listed(tmp_path: Path) -> None:
    # tests/faults has sixty rounds of it.
    publish_together(3, tmp_path)


@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two-steps"])
@pytest.mark.parametrize(
    ("how", "before"),
    [
        ("kill", "earlier"),
        # Each of them takes seconds.
        pytest.param("kill", "absent", marks=pytest.mark.faults),
        pytest.param("fill", "earlier", marks=pytest.mark.faults),
        pytest.param("fill", "absent", marks=pytest.mark.faults),
    ],
)
def test_stopped_anywhere_a_site_is_as_before_or_as_after(
    tmp_path: Path, before: str, how: str, exchange: bool
) -> None:
    site, copies = tmp_path / "site", tmp_path / "copies"
    other = write_report(tmp_path / "other-report")
    publish(other, site)
    (site / "thesis").mkdir()
    (site / "thesis" / "thesis.tex").write_text("four years of work")
    earlier, later = (write_report(tmp_path / words / "this-report", words=words) for words in ("old", "new"))
    if before == "earlier":
        publish(earlier, site)
    states = [contents(earlier) if before == "earlier" else {}, contents(later)]
    ended = publish_with_stops(how, site, later, copies, exchange=exchange)
    # A full disk is told in one sentence; files that are only cleaned up need no space.
    assert set(ended) == ({-9} if how == "kill" else {0, 2})

    seen = set()
    for number in range(len(ended)):
        copy = copies / str(number)
        state = contents(copy / "this-report")
        seen.add(states.index(state) if state in states else None)
        assert state in states or (not exchange and not state)
        assert contents(copy / "other-report") == contents(other)
        assert (copy / "thesis" / "thesis.tex").read_text() == "four years of work"
        assert "other-report" in linked(copy)
        assert all((copy / name / "report.html").is_file() for name in linked(copy))

        # Whoever publishes next finishes what was begun.
        publish(other, copy)
        state = contents(copy / "this-report")
        assert state in states
        assert linked(copy) == sorted(["other-report"] + ["this-report"] * bool(state))
        publish(later, copy)
        assert contents(copy / "this-report") == states[1]
        assert sorted(path.name for path in copy.iterdir()) == [
            ".posharness",
            "feed.xml",
            "index.html",
            "other-report",
            "thesis",
            "this-report",
        ]
        assert [path.name for path in (copy / ".posharness").iterdir()] == ["publish.lock"]
    assert {0, 1} <= seen
