"""Work that takes too long at its first attempt, for jobs that import this file by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from posharness.contracts import CellOutcome


@dataclass(frozen=True)
class Attempts:
    """Stands for a cell: the first attempt is stopped and says so, the second one ends."""

    folder: Path

    def __call__(self, cell: object) -> CellOutcome:
        number = len(list(self.folder.glob("attempt*")))
        log = self.folder / f"attempt{number}"
        log.write_text("started")
        if number == 0:
            try:
                time.sleep(300)
            except KeyboardInterrupt:
                log.write_text("stopped with a checkpoint")
                raise
        return CellOutcome("done", f"attempt {number + 1}")
