"""Makes the pictures of the documentation from two stores: `python docs/pictures.py README MANY`.

README is the store of README's command, and MANY that of 23 encodings on five tasks, in a quarter of an hour:

    harness run --plugins rpe,absolute --store README
    python docs/pictures.py --many MANY

Chromium takes pictures of their reports, and of three more: one whose runs all failed, one of a single cell
of README, and one of the half of its cells that began first. Of each report a sheet shows the first screen
at 1,280 and at 380 pixels, light and dark, and the first printed page (A4). The picture of a terminal is
what README's command prints when it is given again.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from posharness import compile_report  # noqa: E402
from posharness_reports.figures.palette import FIXED  # noqa: E402
from tests.reports.browser import CHROMIUM, Browser, Tab  # noqa: E402

IMAGES = Path(__file__).parent / "images"
COLUMNS = 100
A4, MARGIN = (794, 1123), 38
"""A page, and its margins of a centimetre, in pixels."""

SHEET, GAP = 0.6, 10
"""The size of a picture in a sheet, relative to what it shows, and the pixels between two."""

MANY = (
    *("--plugins", ",".join(FIXED), "--tasks", "copy,offset_recall,induction,recall,flip_flop"),
    *("--body", "decoder", "--preset", "smoke", "--seeds", "1", "--set", "budget.steps=300"),
)
FAILED = ("--plugins", "rpe,absolute", "--set", "optimiser.lr=1e30")


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
    # A progress bar redraws its lines; a terminal keeps the last ones, and not that of the spinner.
    lines = [line.rpartition("\r")[2] for line in ended.stdout.split("\n")]
    lines = [line for line in lines if "compiling the report" not in line]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text(f"$ harness {' '.join(command)}", style="bold"))
    console.print(Text.from_ansi("\n".join(lines).rstrip()))
    drawn = console.export_svg(title="harness")
    # The font would be fetched from elsewhere; any monospaced one does.
    (IMAGES / name).write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


def run(*command: str) -> None:
    """Run a command of the harness, whatever it finds."""
    subprocess.run([sys.executable, "-m", "posharness.cli", "run", *command], check=False)


def first_cells(store: Path, to: Path, share: float) -> Path:
    """A store with that share of the cells, at least one: those that began first."""
    shutil.copytree(store, to, ignore=shutil.ignore_patterns("reports", "cells"))
    began = {
        cell: json.loads((cell / "status.json").read_text(encoding="utf-8"))["started"]
        for cell in (store / "cells").iterdir()
    }
    order = sorted(began, key=lambda cell: (began[cell], cell.name))
    for cell in order[: max(int(share * len(order)), 1)]:
        shutil.copytree(cell, to / "cells" / cell.name)
    return to


def views(browser: Browser, report: Path) -> list[list[Image.Image]]:
    """The first screen at 1,280 pixels, light and dark; at 380 pixels, light and dark, and printed."""
    with browser.tab(report.resolve().as_uri()) as tab:
        wide, narrow = (
            [_picture(tab, (width, 800), scheme=scheme) for scheme in ("light", "dark")]
            for width in (1280, 380)
        )
        width, height = A4
        page = Image.new("RGB", A4, "white")
        inside = _picture(tab, (width - 2 * MARGIN, height - 2 * MARGIN), kind="print")
        page.paste(inside, (MARGIN, MARGIN))
    return [wide, [*narrow, page]]


def _picture(tab: Tab, size: tuple[int, int], *, scheme: str = "light", kind: str = "screen") -> Image.Image:
    tab.resize(*size)
    tab.media(scheme=scheme, kind=kind)
    return Image.open(io.BytesIO(tab.picture())).convert("RGB")


def _smaller(image: Image.Image) -> Image.Image:
    return image.resize((int(image.width * SHEET), int(image.height * SHEET)), Image.Resampling.LANCZOS)


def sheet(browser: Browser, report: Path, name: str) -> None:
    """Put all views of a report on one picture, in two rows."""
    rows = [[_smaller(image) for image in row] for row in views(browser, report)]
    size = (
        max(sum(image.width + GAP for image in row) for row in rows) + GAP,
        sum(max(image.height for image in row) + GAP for row in rows) + GAP,
    )
    whole = Image.new("RGB", size, "#b8bec8")
    top = GAP
    for row in rows:
        left = GAP
        for image in row:
            whole.paste(image, (left, top))
            left += image.width + GAP
        top += max(image.height for image in row) + GAP
    whole.save(IMAGES / name, quality=72, method=6)


def main(readme: str, many: str) -> None:
    """Make every picture; or, with --many, the store of many encodings."""
    if readme == "--many":
        run(*MANY, "--store", many)
        return
    if CHROMIUM is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium.")
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, Browser(Path(folder) / "p") as browser:
        place = Path(folder)
        run(*FAILED, "--store", str(place / "failed"), "--no-report")
        stores = {
            "readme": Path(readme),
            "many": Path(many),
            "failed": place / "failed",
            "one": first_cells(Path(readme), place / "one", 0),
            "half-way": first_cells(Path(readme), place / "half-way", 0.5),
        }
        for name, store in stores.items():
            report = compile_report(store, compiler="html[figures=png]" if name == "readme" else "html")
            sheet(browser, report, f"first-screen-{name}.webp")
            if name == "readme":
                figure = report.parent / "figures" / "dependency-length-lines.png"
                shrink(Image.open(figure), IMAGES / "accuracy-by-dependency-length.png")
                with browser.tab(report.resolve().as_uri()) as tab:
                    shrink(_picture(tab, (1280, 800)), IMAGES / "report.png")
    terminal("run.svg", "run", "--plugins", "rpe,absolute", "--store", readme)


def shrink(image: Image.Image, to: Path) -> None:
    """Save a picture as small as a page needs it."""
    image = image.convert("RGB")
    image.thumbnail((1000, 3000))
    # The colours of thin lines are rare, and would be mixed with those of large areas.
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(to, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
