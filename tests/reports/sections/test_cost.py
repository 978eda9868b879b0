"""The section about cost: what was measured by length, what was stopped, and none where nothing was."""

from __future__ import annotations

import pandas as pd
import pytest

from posharness.contracts import Frames, Section
from posharness_reports.sections.cost import Cost

NAN = float("nan")


def costs(plugins: int, *, stopped: bool = False) -> pd.DataFrame:
    """Plugin number i takes i + 1 milliseconds and MiB for 128 tokens, and four times as much for 256."""
    rows = [
        (f"plugin{i}", length, 1, 1e-3 * each, 0.5e-3 * each, 2e-3 * each, float(each), "")
        for i in range(plugins)
        for length, each in ((128, i + 1), (256, 4 * (i + 1)))
    ]
    rows += [("plugin0", 512, 1, NAN, NAN, NAN, NAN, "more memory than the limit")] if stopped else []
    names = ["plugin", "length", "batch", "seconds", "fastest", "slowest", "mebibytes", "stopped"]
    return pd.DataFrame(rows, columns=names)


def section(found: pd.DataFrame) -> Section:
    built = Cost().build(Frames(*[pd.DataFrame()] * 3, costs=found))
    assert built is not None
    return built


def test_there_is_none_where_nothing_was_measured() -> None:
    assert Cost().build(Frames(*[pd.DataFrame()] * 3)) is None


def test_time_and_memory_stand_by_plugin_and_length() -> None:
    tables = section(costs(2)).tables
    time, memory = tables["Milliseconds of a training step"], tables["MiB at the peak of a training step"]
    assert list(time.columns) == ["plugin", "sequences", "128 tokens", "256 tokens"]
    assert time.to_numpy().tolist() == [["plugin0", 1, 1.0, 4.0], ["plugin1", 1, 2.0, 8.0]]
    assert memory.to_numpy().tolist() == [["plugin0", 1, 1.0, 4.0], ["plugin1", 1, 2.0, 8.0]]
    assert len(tables) == 2


def test_what_was_stopped_is_listed_with_its_reason() -> None:
    tables = section(costs(1, stopped=True)).tables
    assert tables["Measurements that were stopped"].to_numpy().tolist() == [
        ["plugin0", 512, 1, "more memory than the limit"]
    ]
    every = costs(1, stopped=True)
    only = section(every[every["stopped"] != ""])
    assert list(only.tables) == ["Measurements that were stopped"]
    assert not only.figures


@pytest.mark.parametrize(("plugins", "coloured"), [(3, 3), (20, 8)])
def test_the_figure_names_as_many_as_can_be_told_apart(plugins: int, coloured: int) -> None:
    ((caption, chart),) = section(costs(plugins)).figures.items()
    figure = chart.figure
    named = {text.get_text() for text in figure.axes[0].texts if text.get_text().startswith("plugin")}
    assert len(named) == coloured
    assert {"plugin0", f"plugin{plugins - 1}"} <= named
    assert ("In colour" in caption) == (coloured < plugins)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    # 1 ms for 128 tokens
    assert min(float(line.get_ydata()[0]) for line in lines) == pytest.approx(1000 / 128)
