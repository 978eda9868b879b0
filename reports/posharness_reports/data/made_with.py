"""What cells were made with that is no part of their keys, except for the last."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MADE_WITH"]

MADE_WITH: Mapping[str, str] = {
    "torch": "torch",
    "python": "Python",
    "machine": "machine",
    "cpu": "processor",
    "device": "device",
    "results_version": "results version",
}
"""Columns of `Frames.cells`, and what they are called."""
