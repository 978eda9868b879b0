"""Makes the pictures of the documentation: `python docs/pictures.py STORE`.

STORE is what `harness run --plugins rpe,absolute --seeds 1 --store STORE` leaves. Chromium takes the picture
of its report; the picture of a terminal is what the same command prints when it is given again.
"""

from __future__ import annotations

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

from posharness.reports import compile_report

IMAGES = Path(__file__).parent / "images"
COLUMNS = 100
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)


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


def photograph(report: Path, name: str, *, height: int) -> None:
    """Take a picture of the top of a page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium.")
    with TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                *CHROMIUM,
                f"--user-data-dir={profile}",
                f"--window-size=1000,{height}",
                f"--screenshot={IMAGES / name}",
                report.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
        )


def shrink(picture: Path) -> None:
    """Make a picture as small as a page needs it."""
    image = Image.open(picture).convert("RGB")
    image.thumbnail((1000, 3000))
    image.quantize(128).save(picture, optimize=True)


def main(store: str) -> None:
    """Make every picture."""
    IMAGES.mkdir(exist_ok=True)
    report = compile_report(store, compiler="html[figures=png]")
    photograph(report, "report.png", height=1300)
    figure = "accuracy-by-dependency-length.png"
    shutil.copy(report.parent / "figures" / figure, IMAGES / figure)
    for name in ("report.png", figure):
        shrink(IMAGES / name)
    command = ("run", "--plugins", "rpe,absolute", "--seeds", "1", "--store", store)
    terminal("run.svg", *command, "--no-report")


if __name__ == "__main__":
    main(*sys.argv[1:])
