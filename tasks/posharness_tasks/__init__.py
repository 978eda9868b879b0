"""Offers every task and every reading that a module or package of this folder holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import Reading, Task, defined_in, hookimpl


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    """The tasks of this folder, a file or a package each."""
    return defined_in(sys.modules[__name__], Task)


@hookimpl
def posharness_readings() -> Sequence[type[Reading]]:
    """The readings of this folder, all in the package `readings`."""
    return defined_in(sys.modules[__name__], Reading)
