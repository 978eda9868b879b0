"""The memory that this process may still use, by the machine and its control group."""

from __future__ import annotations

import math
from pathlib import Path

__all__ = ["free_memory"]


def free_memory(root: Path = Path("/")) -> float:
    """Bytes of memory that are free; infinite where Linux does not tell.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    found = [_of_machine(root / "proc/meminfo"), _of_group(root / "sys/fs/cgroup")]
    return min(each for each in found if each is not None) if any(found) else math.inf


def _of_machine(path: Path) -> float | None:
    try:
        for line in path.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None


def _of_group(folder: Path) -> float | None:
    """What the control group of a container leaves; None without a limit."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        return None if limit == "max" else float(limit) - float((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None
