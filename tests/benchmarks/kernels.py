"""Prints a training step of every encoding and attention over one without positions, by length.

python tests/benchmarks/kernels.py                     all, at 64, 256 and 1,024 tokens
python tests/benchmarks/kernels.py 256 relative t5     some, at one length

4,096 tokens a step, one thread; all take turns in one process, so that a busy machine slows them alike. A
number is the median of the ratios of each round, with the smallest and the largest. Memory by length:
`harness cost`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence

import torch

from posharness.cost.step import choices, training_step
from posharness.registry.registry import Registry

_TOKENS, _ROUNDS, _AT_ONCE = 4096, 7, 6


def main(arguments: Sequence[str]) -> None:
    """Measure the named plugins at the given lengths, and print one row for each."""
    torch.set_num_threads(1)
    registry = Registry.load()
    lengths = [int(word) for word in arguments if word.isdigit()] or [64, 256, 1024]
    plugins = [word for word in arguments if not word.isdigit()] or [
        entry.plugin.name
        for catalogue in (registry.encodings, registry.attentions)
        for entry in catalogue.entries
        if entry.plugin.name not in ("none", "softmax")
    ]
    sys.stdout.write("| plugin | tokens | milliseconds | over none | spread |\n|---|---|---|---|---|\n")
    for length in lengths:
        for first in range(0, len(plugins), _AT_ONCE):
            _measure(registry, plugins[first : first + _AT_ONCE], length)


def _measure(registry: Registry, plugins: Sequence[str], length: int) -> None:
    steps = {
        plugin: training_step(
            registry,
            *choices(registry, plugin),
            length=length,
            batch=max(1, _TOKENS // length),
            direction="causal",
        )
        for plugin in ("none", *plugins)
    }
    seconds: dict[str, list[float]] = {plugin: [] for plugin in steps}
    for _ in range(_ROUNDS + 1):
        for plugin, step in steps.items():
            start = time.process_time()
            step()
            seconds[plugin].append(time.process_time() - start)
    for plugin in plugins:
        # The first round allocates memory.
        ratios = [one / base for one, base in zip(seconds[plugin][1:], seconds["none"][1:], strict=True)]
        milliseconds = 1000 * statistics.median(seconds[plugin][1:])
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        sys.stdout.write(
            f"| {plugin} | {length} | {milliseconds:.1f} | {statistics.median(ratios):.2f} | {spread} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
