"""The built-in tasks and readings.

This folder has one module or package for each task, named like the task, so it grows with the tasks. Beside
them, `_placing` and `_seq2seq` hold what several tasks share, `readings` has the readings of pretrained
models, and `text` reads text files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import Reading, Task, defined_in, hookimpl


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    """The tasks of this folder, one module or package each."""
    return defined_in(sys.modules[__name__], Task)


@hookimpl
def posharness_readings() -> Sequence[type[Reading]]:
    """The readings, from the package `readings`."""
    return defined_in(sys.modules[__name__], Reading)
