"""The fork server starts before torch is imported, and is waited for only when a cell uses it."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_server_that_started_no_process_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "never_ready.py").write_text("import time; time.sleep(60)")
    program = "from posharness.executors.forkserver import fork_server\nwith fork_server('never_ready'): pass"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, timeout=30, check=True)


def test_the_fork_server_and_the_commands_import_no_torch() -> None:
    program = "import sys, posharness.cli.run_and_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
