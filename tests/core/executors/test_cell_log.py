"""What the process of a cell prints is bounded."""

from __future__ import annotations

from pathlib import Path

from posharness.executors.cell_log import cap_log


def test_of_an_endless_log_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("ab") as running:
        running.write(b"first line\n" + b"x" * 10_000 + b"\nlast line\n")
        running.flush()
        cap_log(log, above=200, most=100)
        content = log.read_bytes()
        assert content.startswith(b"first line\n")
        assert content.endswith(b"\nlast line\n")
        assert "… a part is left out here …".encode() in content
        assert len(content) < 200
        running.write(b"more\n")
        running.flush()
    assert log.read_bytes() == content + b"more\n"
    cap_log(log, above=200, most=100)
    assert log.read_bytes() == content + b"more\n"
    cap_log(tmp_path / "none.txt", above=0)
