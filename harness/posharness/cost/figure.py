"""The figure of `harness cost`: time and memory against length, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from posharness.cost.measure import Cost

__all__ = ["draw"]


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Write the figure; the format is that of the file's ending, for example .svg or .png.

    Raises:
        ValueError: matplotlib knows no such format.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure
    from matplotlib.rcsetup import cycler

    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(1, 2)
    values: dict[str, Callable[[Cost], float]] = {
        "seconds of a step": lambda cost: cost.seconds,
        "MiB at the peak": lambda cost: cost.mebibytes,
    }
    # All encodings and attentions are several times as many as there are colours.
    styles = cycler(linestyle=["-", "--", ":", "-."]) * rcParams["axes.prop_cycle"]
    for axes, (heading, value) in zip(panels, values.items(), strict=True):
        axes.set_prop_cycle(styles)
        for plugin in dict.fromkeys(cost.plugin for cost in costs):
            measured = [cost for cost in costs if cost.plugin == plugin and not cost.stopped]
            axes.plot([cost.length for cost in measured], [value(cost) for cost in measured], label=plugin)
        axes.set(xscale="log", yscale="log", xlabel="tokens", ylabel=heading)
    panels[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="x-small", frameon=False)
    figure.savefig(path)
