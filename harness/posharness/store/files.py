"""Writing files so that a reader, or a machine that loses power, meets the old content or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["read_json", "sync", "sync_tree", "write_json"]


def write_json(path: Path, content: dict[str, Any], *, durable: bool = True) -> None:
    """Replace a JSON file in one step.

    Args:
        durable: wait until it is on the disk; off for what is worth nothing after a crash.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1, allow_nan=False)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)
    if durable:
        sync(path.parent)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return content


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` for a folder and all that it holds."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))
