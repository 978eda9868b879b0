"""A run on a terminal that is stopped leaves the terminal as it was."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.core.commands import TINY

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at a pseudo-terminal as Linux has it"),
]
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_cursor_is_shown_again(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("steps = 4", "steps = 100000"))
    ours, theirs = pty.openpty()
    given = ("run", "--plugins", "rope", "--config", "tiny.toml", "--no-report")
    with subprocess.Popen(
        [sys.executable, "-m", "posharness.cli", *given],
        cwd=tmp_path,
        env=os.environ | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen, asked, end = b"", False, time.monotonic() + 240
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
            if not asked and b"/100000" in seen:
                asked = True
                process.send_signal(how)
        assert process.wait(60) == 128 + how
    os.close(ours)
    assert HIDDEN in seen
    assert seen.rfind(SHOWN) > seen.rfind(HIDDEN)
    assert b"resumes the run" in seen
    assert b"Traceback" not in seen
