"""Offers every task that a module or package of this folder holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import Task, defined_in, hookimpl


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    """The tasks of this folder, a file or a package each."""
    return defined_in(sys.modules[__name__], Task)
