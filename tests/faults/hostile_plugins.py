"""Encodings that do what no encoding should, each in a file of its own, and how a cell of each ends."""

from __future__ import annotations

from pathlib import Path

__all__ = ["HOSTILE", "write_plugin"]

_TEMPLATE = """
import atexit, builtins, ctypes, faulthandler, gc, os, random, resource, shutil, signal, subprocess, sys
import threading, time, warnings
from pathlib import Path
import numpy, torch
from posharness.contracts import PositionalEncoding, hookimpl

{imported}

class Hostile(PositionalEncoding):
    name = {name!r}

    def __init__(self, geometry):
        super().__init__(geometry)
        self.calls = 0
        {built}

    def embed(self, x, pos):
        self.calls += 1
        {used}
        return x

@hookimpl
def posharness_encodings():
    return [Hostile]
"""
_OFTEN = "if self.calls == 2: "

HOSTILE: dict[str, tuple[str, str, str]] = {
    # Where it is done, what is done, and the statuses that fit.
    "import_chdir": ("imported", "os.chdir('/')", "done"),
    "import_environ": ("imported", "os.environ.clear(); os.environ['OMP_NUM_THREADS'] = '7'", "done"),
    "import_signals": (
        "imported",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "done",
    ),
    "import_torch": (
        "imported",
        "torch.set_default_dtype(torch.float64); torch.set_num_threads(5); torch.set_grad_enabled(False)",
        "done failed",
    ),
    "import_path": ("imported", "sys.path.clear()", "done failed"),
    "import_random": ("imported", "random.seed(1); numpy.random.seed(1); torch.manual_seed(1)", "done"),
    "import_streams": ("imported", "sys.stdout = sys.stderr = None", "done failed"),
    "import_prints": ("imported", "print('\\x1b[2J\\x1b[31m' * 100)", "done"),
    "import_warns": ("imported", "[warnings.warn(f'warning {n}') for n in range(100)]", "done"),
    "build_exit": ("built", "os._exit(0)", "crashed"),
    "build_segfault": ("built", "faulthandler.disable(); ctypes.string_at(0)", "crashed"),
    "build_quit": ("built", "sys.exit(0)", "failed"),
    "build_interrupt": ("built", "raise KeyboardInterrupt", "failed"),
    "build_fork": ("built", "os.fork() or time.sleep(600)", "done"),
    "build_chdir": ("built", "os.chdir('/'); os.environ.clear()", "done failed"),
    "build_torch": ("built", "torch.set_default_dtype(torch.float64); torch.manual_seed(1)", "done failed"),
    "build_path": ("built", "sys.path.clear(); sys.modules.pop('posharness', None)", "done failed"),
    "hang": ("used", "time.sleep(600)", "timeout"),
    "hang_locked": ("used", "ctypes.PyDLL(None).sleep(600)", "timeout"),
    "hang_deaf": (
        "used",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); time.sleep(600)",
        "timeout",
    ),
    "stop": ("used", "os.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    "exit": ("used", "os._exit(0)", "crashed"),
    "quit": ("used", "sys.exit(0)", "failed"),
    "abort": ("used", "os.abort()", "crashed"),
    "segfault": ("used", "ctypes.string_at(0)", "crashed"),
    "kill": ("used", "os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "widow": ("used", "os.fork() and os.kill(os.getpid(), signal.SIGKILL); time.sleep(600)", "crashed"),
    "child": ("used", f"{_OFTEN}subprocess.Popen(['sleep', '600'])", "done"),
    "twin": ("used", f"{_OFTEN}os.fork()", "done"),
    "thread": ("used", f"{_OFTEN}threading.Thread(target=time.sleep, args=(600,)).start()", "done"),
    "farewell": ("used", f"{_OFTEN}atexit.register(time.sleep, 600)", "done"),
    "close": ("used", f"{_OFTEN}os.closerange(0, 256)", "done failed crashed"),
    "prints": ("used", "os.write(1, b'\\x1b[31mendless ' * 500_000)", "done"),
    "says": ("used", "raise ValueError('\\x1b[2J\\u202e \\ud800 ' + 'x' * 1_000_000)", "failed"),
    "mute": ("used", "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})", "failed crashed"),
    "interrupt": ("used", "raise KeyboardInterrupt", "failed"),
    "deep": ("used", "return self.embed(x, pos)", "failed"),
    "shape": ("used", "return x[:, :1, :1]", "failed done"),
    "nothing": ("used", "return None", "failed"),
    "nan": ("used", "return x * float('nan')", "diverged failed"),
    "infinite": ("used", "return x + float('inf')", "diverged failed"),
    "double": ("used", "return x.double()", "failed done"),
    "no_grad": ("used", "torch.set_grad_enabled(False)", "failed done"),
    "builtins": ("used", "builtins.open = builtins.len = None", "failed crashed"),
    "files": (
        "used",
        "[os.unlink(path) for path in Path('/proc/self/cwd').glob('runs/work/*/cell.json')]",
        "done failed crashed",
    ),
}


def write_plugin(folder: Path, name: str, *, imported: str = "", built: str = "", used: str = "") -> Path:
    """A single-file plugin with one encoding."""
    path = folder / f"{name}.py"
    path.write_text(
        _TEMPLATE.format(name=name, imported=imported, built=built or "pass", used=used or "pass")
    )
    return path
