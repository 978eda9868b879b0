"""The tables and figures of a report in a paper of two columns, set by a real TeX."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_claims, posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.compile.latex import latex_table
from posharness_reports.compile.paper_caption import paper_caption, runs_in_words
from posharness_reports.figures.first_screen import distance_figure
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.study import study

LATEX = shutil.which("pdflatex")
PAPER = r"""\documentclass[twocolumn]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{array,booktabs,graphicx}
\pdfcompresslevel=0\pdfobjcompresslevel=0
\usepackage[textwidth=6.75in,textheight=9in,columnsep=.25in]{geometry}
\begin{document}
%s
\end{document}
"""

pytestmark = pytest.mark.skipif(
    LATEX is None, reason="needs pdflatex: apt-get install texlive-latex-recommended"
)


def _typeset(parts: list[str], folder: Path) -> str:
    """The log of a paper with these floats, each on a page of its own; its PDF is not packed."""
    (folder / "paper.tex").write_text(PAPER % "\n\\clearpage\n".join(parts), encoding="utf-8")
    command = [str(LATEX), "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "paper.log").read_text("utf-8", errors="replace")


def test_every_table_and_figure_of_a_report_fits_a_paper(frames: Frames, tmp_path: Path) -> None:
    sections = [section() for section in posharness_report_sections()]
    claims = [claim() for claim in posharness_claims()]
    report = (
        HtmlCompiler(figures="pdf", style="paper")
        .compile(frames, sections, claims=claims, title="A", folder=tmp_path / "study")
        .parent
    )
    tables = [path.read_text("utf-8") for path in sorted(report.glob("tables/*.tex"))]
    figures = [
        rf"\begin{{figure*}}\includegraphics[width=\linewidth,height=.9\textheight,keepaspectratio]{{{path}}}\end{{figure*}}"
        for path in sorted(report.glob("figures/*.pdf"))
    ]
    assert len(tables) > 10
    assert len(figures) > 4
    assert all(r"\caption{" in table and r"\label{tab:" in table for table in tables)
    # Figures for papers have the width of a column or of a page as they are.
    for path in sorted(report.glob("paper/*.pdf")):
        star = "*" if "-page" in path.name else ""
        words = "a caption of four lines " * (16 if star else 8)
        figures.append(
            rf"\begin{{figure{star}}}\includegraphics{{{path}}}\caption{{{words}}}\end{{figure{star}}}"
        )
        assert b"/FontFile2" in path.read_bytes()
        assert "<text" not in path.with_suffix(".svg").read_text("utf-8")
    names = {path.name.partition("-column")[0] for path in report.glob("paper/*-column*.pdf")}
    assert names == set(json.loads((report / "report.json").read_text("utf-8"))["figures"])
    assert {"all-tasks", "dependency-length-lines", "learning-curves-lines"} <= names
    assert all(r"\resizebox" not in table and "scored predictions" not in table for table in tables)
    assert sum(" of each" in table for table in tables) > 10
    _typeset(tables, tmp_path)
    assert _smallest_type(tmp_path) >= 6.99
    log = _typeset([*tables, *figures], tmp_path)
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_a_figure_alone_has_no_title_on_paper(frames: Frames) -> None:
    ready = study(frames).trained
    _, chart = distance_figure(ready, ("copy", "copy", "at the training length"))
    figure = chart.figure
    assert isinstance(figure, ReadableFigure)
    assert figure.paper is not None
    (alone,) = figure.paper(3.25)
    assert alone.get_size_inches()[0] == 3.25
    (axes,) = alone.axes
    assert axes.get_title() == ""
    assert "at the training length" not in " ".join(text.get_text() for text in axes.texts)
    assert {"relative", "absolute"} <= {text.get_text() for text in axes.texts}


def _smallest_type(folder: Path) -> float:
    """The smallest type of a paper in TeX points; what is scaled counts as it is seen."""
    content = (folder / "paper.pdf").read_bytes()
    sizes = [float(size) for size in re.findall(rb"/F\d+ ([\d.]+) Tf", content)]
    scales = [float(scale) for scale in re.findall(rb"([\d.]+) 0 0 [\d.]+ [-\d.]+ [-\d.]+ cm", content)]
    return min(sizes) * min([1.0, *scales]) * 72.27 / 72


WIDE = latex_table(
    ["encoding", *["a heading of some words"] * 20],
    [["rope[base=10000]", *["+0.10 [−0.08, +0.11]"] * 20]] * 30,
    [False, *[True] * 20],
    caption="c",
    label="wide",
)
TEXTS = latex_table(["x"] * 30, [["a number of words"] * 30], [False] * 30, caption="c", label="l")
SETTINGS = latex_table(
    ["task", "settings"],
    [["copy", " ".join(f"a_setting_{i}=0.00{i}" for i in range(40))]] * 9,
    [False, False],
    caption="c",
    label="s",
)


@pytest.mark.parametrize("table", [WIDE, TEXTS, SETTINGS])
def test_type_is_never_smaller_than_seven_points(table: str, tmp_path: Path) -> None:
    assert "Overfull" not in _typeset([table], tmp_path)
    assert _smallest_type(tmp_path) >= 6.99
    assert "resizebox" not in table


def test_what_is_scaled_or_does_not_fit_is_seen(tmp_path: Path) -> None:
    inner = SETTINGS.replace(r"\begin{tabular}", r"\resizebox{3in}{!}{\begin{tabular}")
    _typeset([inner.replace(r"\end{tabular}", r"\end{tabular}}")], tmp_path)
    assert _smallest_type(tmp_path) < 6.9
    unbroken = re.sub(r">{\\ragged\w+\\arraybackslash}p{[\d.]+pt}", "l", SETTINGS)
    assert "Overfull" in _typeset([unbroken], tmp_path)


def test_parts_of_a_split_table_repeat_what_a_row_is_about() -> None:
    parts = WIDE.split(r"\end{table*}")[:-1]
    assert len(parts) > 1
    assert sum(part.count("a heading of") + part.count("a \\hspace") for part in parts) >= 20
    for number, part in enumerate(parts, 1):
        assert f"(part {number} of {len(parts)})" in part
        assert part.count("rope") == 30
    assert r"\label{tab:wide}" in parts[0]
    assert r"\label{tab:wide-2}" in parts[1]


def test_a_caption_says_from_what_runs_the_rows_of_a_table_are(frames: Frames) -> None:
    ready = study(frames).trained
    rows = [["relative", "0.9 [0.8, 1.0]"]]
    caption = paper_caption("copy: accuracy.", ["encoding", "48"], rows, ready)
    assert caption == "copy: accuracy. From relative on copy: 2 seeds of each. Brackets: 95 % intervals"
    both = [["bert (mlm)", "absolute"], ["copy", "relative"]]
    assert runs_in_words(ready, "Summary.", ["task", "encoding"], both) == (
        "From absolute and relative on bert and copy: 1–2 seeds of each"
    )
    counts = [["bert", "1 done", "2 done"]]
    assert runs_in_words(ready, "Cells.", ["task", "absolute", "relative"], counts) == (
        "From absolute and relative on bert: 1–2 seeds of each"
    )
    pairs = runs_in_words(ready, "All pairs.", ["on", "better", "other"], [["all", "relative", "absolute"]])
    assert pairs == "From absolute and relative: 1–2 seeds of each"
    # A table that names no encoding and no task says nothing of runs.
    assert paper_caption("Plugins.", ["kind", "name"], [["tasks", "copy"]], ready) == "Plugins"
