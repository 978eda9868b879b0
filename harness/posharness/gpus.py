"""The GPUs that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["visible_gpus"]


def visible_gpus(root: Path = Path("/")) -> list[str]:
    """The GPUs of this machine by number or id, as CUDA_VISIBLE_DEVICES names them.

    Torch is not asked: a process that has looked for GPUs cannot choose among them any more.

    Args:
        root: the folder that holds `proc`, where NVIDIA's driver tells of GPUs.
    """
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for part in named.split(",") if (name := part.strip()) and name != "-1"]
    found = root / "proc/driver/nvidia/gpus"
    return [str(number) for number in range(len(list(found.iterdir())))] if found.is_dir() else []
