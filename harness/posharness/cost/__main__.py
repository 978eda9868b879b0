"""`python -m posharness.cost`: measure one plugin in a process of its own, one JSON line for each length.

A process of its own, so that one that takes too long or too much memory is stopped without the others.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import torch

from posharness.cost.step import choices, training_step
from posharness.errors import Incompatible
from posharness.registry.registry import Registry

__all__ = ["main"]

_MEBIBYTE = 2**20


def main(arguments: Sequence[str]) -> None:
    """Measure a plugin at each length in turn.

    Args:
        arguments: the plugin, the lengths, and the options below.
    """
    parser = argparse.ArgumentParser(prog="python -m posharness.cost")
    parser.add_argument("plugin")
    parser.add_argument("lengths", type=int, nargs="+")
    parser.add_argument("--plugin-path", type=Path, action="append", default=[])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, help="MiB beyond what is in use at the start")
    given = parser.parse_args(arguments)
    results = _own_output()
    registry = Registry.load(given.plugin_path)
    encoding, attention = choices(registry, given.plugin)
    torch.set_num_threads(1)

    def build(length: int) -> Callable[[], None]:
        return training_step(
            registry, encoding, attention, length=length, batch=given.batch, direction="causal"
        )

    with suppress(Incompatible):  # of its first length, it is said below
        build(min(16, *given.lengths))()
    if given.memory:
        most = _status("VmData") + given.memory * _MEBIBYTE
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    for length in given.lengths:
        line: dict[str, float | str]
        try:
            line = _measured(build, length, given.steps)
        except (Incompatible, MemoryError, RuntimeError) as error:
            line = {"length": length, "stopped": _reason(error)}
        print(json.dumps(line), file=results, flush=True)
        if "stopped" in line:
            return


def _measured(build: Callable[[int], Callable[[], None]], length: int, steps: int) -> dict[str, float | str]:
    step = build(length)
    _give_back()
    before = _status("VmRSS")
    # From here on, the peak is counted anew.
    Path("/proc/self/clear_refs").write_text("5")
    step()
    peak = _status("VmHWM") - before
    seconds = []
    for _ in range(steps):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return {
        "length": length,
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "mebibytes": max(0.0, peak / _MEBIBYTE),
    }


def _own_output() -> TextIO:
    """Where the lines go; what plugins print goes where errors go."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return results


def _give_back() -> None:
    """Give the system the memory that shorter sequences have left: a step would take it again, unseen."""
    gc.collect()
    with suppress(AttributeError):  # only glibc keeps what is free
        ctypes.CDLL(None).malloc_trim(0)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return "more memory than the limit"
    return str(error).splitlines()[0]


def _status(field: str) -> int:
    """Bytes, as the kernel counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel does not say {field}")


if __name__ == "__main__":
    main(sys.argv[1:])
