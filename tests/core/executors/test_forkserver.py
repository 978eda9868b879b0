"""The fork server starts before torch is imported, and is waited for only when a cell uses it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from posharness.executors.forkserver import fork_server


def test_a_server_that_started_no_process_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "never_ready.py").write_text("import time; time.sleep(60)")
    monkeypatch.syspath_prepend(tmp_path)
    began = time.monotonic()
    with fork_server("never_ready"):
        pass
    assert time.monotonic() - began < 30


def test_the_fork_server_and_the_commands_import_no_torch() -> None:
    program = "import sys, posharness.cli.run_and_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
