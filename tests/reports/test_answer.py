"""The answer of a report, as the terminal reads it from report.json."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from posharness.cli.answer import print_answer
from posharness.contracts import Frames
from posharness_reports.compile.compiler import HtmlCompiler


def test_labels_that_begin_alike_have_different_names_in_the_terminal(
    simulated: Callable[..., Frames], tmp_path: Path
) -> None:
    labels = tuple(f"rope[{','.join(f'parameter{i}={i}' for i in range(8))},base={base}]" for base in (2, 3))
    runs = simulated(labels, seeds=1, tasks=("copy",))
    page = HtmlCompiler().compile(runs, [], title="A study", folder=tmp_path / "study")
    out = io.StringIO()
    print_answer(Console(file=out, width=80), page)
    curve = out.getvalue().splitlines()[-3:-1]  # under them are the ticks
    names = [line[:24] for line in curve]
    assert len(names) == len(set(names)) == 2
    assert sorted(name.partition("…")[2][-2:] for name in names) == ["2]", "3]"]
