"""Makes the pictures of the documentation: `python docs/pictures.py STORE`.

STORE is what `harness run --plugins rpe,absolute --store STORE` leaves. Chromium takes the pictures of its
report; the picture of a terminal is what the same command prints when it is given again. The sheets show the
first screen of five reports, on a screen and on a phone, light and dark, and printed: that of STORE, and four
of simulated results.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from posharness import compile_report  # noqa: E402
from posharness.contracts import Frames  # noqa: E402
from posharness_reports import posharness_claims, posharness_report_sections  # noqa: E402
from posharness_reports.compile.compiler import HtmlCompiler  # noqa: E402
from posharness_reports.figures.palette import FIXED  # noqa: E402
from tests.reports.browser import CHROMIUM, Browser  # noqa: E402
from tests.reports.conftest import TASKS, simulate  # noqa: E402

IMAGES = Path(__file__).parent / "images"
COLUMNS = 100
A4 = (794, 1123)
SHEET = 0.5
"""The size of a picture in a sheet, relative to what it shows."""


def terminal(name: str, *command: str) -> None:
    """Draw what a command prints on a terminal."""
    surroundings = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    ended = subprocess.run(
        [sys.executable, "-m", "posharness.cli", *command],
        capture_output=True,
        text=True,
        check=True,
        env=surroundings,
    )
    # A progress bar redraws its lines; a terminal keeps the last ones.
    lines = [line.rpartition("\r")[2] for line in ended.stdout.split("\n")]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text(f"$ harness {' '.join(command)}", style="bold"))
    console.print(Text.from_ansi("\n".join(lines).rstrip()))
    drawn = console.export_svg(title="harness")
    # The font would be fetched from elsewhere; any monospaced one does.
    (IMAGES / name).write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


def views(browser: Browser, report: Path) -> Iterator[Image.Image]:
    """The first screen at 1,280 and at 380 pixels, light and dark, and the first printed page."""
    with browser.tab(report.resolve().as_uri()) as tab:
        for width in (1280, 380):
            for scheme in ("light", "dark"):
                tab.resize(width, 800)
                tab.media(scheme=scheme)
                yield Image.open(io.BytesIO(tab.picture())).convert("RGB")
        tab.resize(*A4)
        tab.media(kind="print")
        yield Image.open(io.BytesIO(tab.picture())).convert("RGB")


def sheet(browser: Browser, report: Path, name: str) -> None:
    """Put all views of a report on one picture."""
    shown = [
        image.resize((int(image.width * SHEET), int(image.height * SHEET)))
        for image in views(browser, report)
    ]
    width = sum(image.width + 8 for image in shown) + 8
    whole = Image.new("RGB", (width, max(image.height for image in shown) + 16), "#b8bec8")
    left = 8
    for image in shown:
        whole.paste(image, (left, 8))
        left += image.width + 8
    whole.quantize(64).save(IMAGES / name, optimize=True)


def simulated() -> Iterator[tuple[str, str, Frames]]:
    """Name, title and frames of the reports whose results are simulated."""
    half = {("absolute", task, seed): ("waiting", "") for task in TASKS for seed in range(3)}
    yield "many", "23 encodings, simulated", simulate(tuple(FIXED), seeds=2, sequences=24)
    yield "failed", "Failures only, simulated", simulate(default="failed", seeds=3)
    yield "one", "One cell, simulated", simulate(("relative",), seeds=1, tasks=("copy",))
    yield "half-way", "Half-way, simulated", simulate(seeds=3, statuses=half)


def main(store: str) -> None:
    """Make every picture."""
    if CHROMIUM is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium.")
    IMAGES.mkdir(exist_ok=True)
    sections = [section() for section in posharness_report_sections()]
    claims = [claim() for claim in posharness_claims()]
    with TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        report = compile_report(store, compiler="html[figures=png]")
        with browser.tab(report.resolve().as_uri(), width=1000, height=1000) as tab:
            shrink(Image.open(io.BytesIO(tab.picture())), IMAGES / "report.png")
        figure = "accuracy-by-dependency-length.png"
        shrink(Image.open(report.parent / "figures" / figure), IMAGES / figure)
        sheet(browser, report, "first-screen-readme.png")
        for name, title, frames in simulated():
            place = Path(folder) / name
            page = HtmlCompiler().compile(frames, sections, claims=claims, title=title, folder=place)
            sheet(browser, page, f"first-screen-{name}.png")
    terminal("run.svg", "run", "--plugins", "rpe,absolute", "--store", store)


def shrink(image: Image.Image, to: Path) -> None:
    """Save a picture as small as a page needs it."""
    image = image.convert("RGB")
    image.thumbnail((1000, 3000))
    image.quantize(128).save(to, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
