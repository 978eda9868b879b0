"""The files that a cell leaves in its folder."""

from __future__ import annotations

import json
import math
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

__all__ = ["environment", "write_json"]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that every reader takes: a figure that is not finite becomes null."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in content.items()}
    path.write_text(json.dumps(finite, indent=2, allow_nan=False) + "\n")


def environment(device: torch.device) -> dict[str, Any]:
    """What a result was made with. None of it is part of a cell's key."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": version("pytorch-lightning"),
        "posharness": version("posharness"),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": str(device),
    }


def _cpu() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
