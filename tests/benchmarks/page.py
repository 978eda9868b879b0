"""Prints the size of a report's page and the time in which Chromium opens it.

python tests/benchmarks/page.py README               the page of a store, say of README's command
python tests/benchmarks/page.py CALIBRATION --many   the page of all built-in encodings on its tasks

With --many, only the first seed is taken, and cells of encodings that the store lacks are copies of those
that it has, with a share of the right answers made wrong: what they show is made up, but they have as many
rows, distances and examples as real ones.
--keep leaves the page here. The time is from the request to the end of the load event, the median of five.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from posharness import compile_report  # noqa: E402
from posharness.contracts.cell import Cell, Choice  # noqa: E402
from posharness.store import Store, layout  # noqa: E402
from posharness.store.checksums import write_checksums  # noqa: E402
from posharness_reports.figures.palette import FIXED  # noqa: E402
from tests.reports.browser import Browser  # noqa: E402

_OPENED = """new Promise((done) => {
  const look = () => {
    const found = performance.getEntriesByType("navigation")[0];
    found.loadEventEnd ? done(found.loadEventEnd) : setTimeout(look, 5);
  };
  look();
})"""


def multiply(source: Path, to: Path) -> None:
    """A store of all built-in encodings: those of `source`, and copies under the other names."""
    store = Store.open(to, create=True)
    cells = [
        (home, Cell.model_validate_json((home / layout.CELL).read_bytes()))
        for home in sorted((source / "cells").iterdir())
    ]
    have = sorted({cell.encoding.name for _, cell in cells})
    for number, name in enumerate(FIXED):
        original = name if name in have else have[number % len(have)]
        for home, cell in cells:
            if cell.encoding.name == original and cell.seed == 0:
                encoding = Choice(name=name, digest=f"{number:064x}", label=name)
                _copy(store, home, cell.model_copy(update={"encoding": encoding}), number / len(FIXED) / 2)


def _copy(store: Store, home: Path, cell: Cell, wrong: float) -> None:
    folder = store.home(cell.key)
    shutil.copytree(home, folder)
    (folder / layout.CELL).write_text(cell.model_dump_json())
    rows = pd.read_parquet(folder / layout.PREDICTIONS)
    kept = np.random.default_rng(cell.seed).random(len(rows)) >= wrong
    rows.assign(correct=rows["correct"] & kept).to_parquet(folder / layout.PREDICTIONS, index=False)
    write_checksums(folder, cell.key)


def opening(page: Path, folder: Path) -> float:
    """The median time to open a page, in seconds."""
    with Browser(folder) as browser:
        times: list[float] = []
        for _ in range(5):
            with browser.tab(page.resolve().as_uri()) as tab:
                times.append(tab.run(_OPENED) / 1000)
    return median(times)


def main(store: str, *options: str) -> None:
    """Compile the report of a store, or of its multiple, and print the figures."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as place:
        source = Path(store)
        if "--many" in options:
            multiply(source, Path(place) / "store")
            source = Path(place) / "store"
        page = compile_report(source)
        if "--keep" in options:
            shutil.copy(page, "report.html")
        seconds = opening(page, Path(place) / "profile")
        sys.stdout.write(f"{page.stat().st_size / 1e6:.2f} MB, opened in {seconds:.2f} s\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
