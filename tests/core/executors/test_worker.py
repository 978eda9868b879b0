"""What the process of a cell leaves is bounded."""

from __future__ import annotations

from pathlib import Path

from posharness.executors.worker import cap_log


def test_of_an_endless_log_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"first line\n" + b"x" * 10_000 + b"\nlast line\n")
    cap_log(log, 100)
    content = log.read_bytes()
    assert content.startswith(b"first line\n")
    assert content.endswith(b"\nlast line\n")
    assert "… 9922 bytes are left out …".encode() in content
    assert len(content) < 200
    cap_log(log, 200)
    assert log.read_bytes() == content
