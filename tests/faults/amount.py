"""How much the tests of faults try: a sample, or with POSHARNESS_FAULTS=full as much as is claimed."""

from __future__ import annotations

import os

__all__ = ["amount"]


def amount(full: int, sample: int) -> int:
    """`full` if the environment asks for it, else `sample`."""
    return full if os.environ.get("POSHARNESS_FAULTS") == "full" else sample
