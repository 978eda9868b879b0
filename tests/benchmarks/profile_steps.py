"""Prints what a profile of a training step says: its milliseconds by kind of operation.

python tests/benchmarks/profile_steps.py 256 t5 deberta   plugins beside one without positions, at one length
python tests/benchmarks/profile_steps.py chunk-256        the plain path beside that of now (`steps.py`)

One thread; all take turns, and a number is the median over the turns. Alone on the machine: a profile is by
the clock. The profiler itself adds to small operations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

import torch
from steps import GROUPS, prepare
from torch.profiler import ProfilerActivity, profile

from posharness.cost.step import choices, training_step
from posharness.registry.registry import Registry

_TOKENS, _WARM, _ROUNDS = 4096, 2, 9

_KINDS: Mapping[str, tuple[str, ...]] = {
    "projections": ("aten::mm", "aten::addmm"),
    "fused attention": ("_scaled_dot_product", "_FusedWithBias"),
    "batched products": ("aten::bmm", "aten::baddbmm"),
    "exponentials": ("softmax", "aten::exp", "softplus", "aten::sigmoid", "aten::log"),
    "running sums": ("aten::cumsum", "aten::flip", "aten::cumprod"),
    "GELU, norms": ("gelu", "native_layer_norm"),
    "copies": (
        "aten::copy_",
        "aten::cat",
        "aten::fill_",
        "aten::index",
        "aten::gather",
        "aten::scatter",
        "slice",
    ),
    "sums": ("aten::add", "aten::sum", "aten::mul", "aten::sub", "aten::div"),
}
"""An operation is of the first kind one of whose words begins its name or, without `aten::`, stands in it."""


def main(arguments: Sequence[str]) -> None:
    """Profile the named plugins at a length, or the named groups of `steps.py`, one row for each step."""
    torch.set_num_threads(1)
    registry = Registry.load()
    kinds = (*_KINDS, "others")
    sys.stdout.write(f"| step | all | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 2)}\n")
    steps = {name: make() for name, make in _steps(registry, arguments).items()}
    spent: dict[str, list[Mapping[str, float]]] = {name: [] for name in steps}
    for _ in range(_WARM + _ROUNDS):
        for name, step in steps.items():
            spent[name].append(_milliseconds(step))
    for name, rounds in spent.items():
        each = {kind: median(one.get(kind, 0.0) for one in rounds[_WARM:]) for kind in kinds}
        shares = " | ".join(f"{each[kind]:.1f}" for kind in kinds)
        sys.stdout.write(f"| {name} | {sum(each.values()):.1f} | {shares} |\n")


def _steps(registry: Registry, arguments: Sequence[str]) -> Mapping[str, Callable[[], Callable[[], None]]]:
    """What makes each step that is asked for, by its name in the table."""
    lengths = [int(word) for word in arguments if word.isdigit()]
    steps: dict[str, Callable[[], Callable[[], None]]] = {}
    for name in (word for word in arguments if not word.isdigit()):
        if name in GROUPS:
            for case in GROUPS[name]():
                both = partial(prepare, case, registry)
                steps[f"{case.encoding}, plain"] = lambda both=both: partial(both(), True)
                steps[f"{case.encoding}, now"] = lambda both=both: partial(both(), False)
    plugins = [word for word in arguments if not word.isdigit() and word not in GROUPS]
    for length in lengths:
        for plugin in ("none", *plugins):
            steps[f"{plugin} {length}"] = partial(
                training_step,
                registry,
                *choices(registry, plugin),
                length=length,
                batch=max(1, _TOKENS // length),
                direction="causal",
            )
    return steps


def _milliseconds(step: Callable[[], None]) -> Mapping[str, float]:
    """The time of one step by kind."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step()
    spent: dict[str, float] = {}
    for event in found.key_averages():
        kind = _kind(event.key)
        spent[kind] = spent.get(kind, 0.0) + event.self_cpu_time_total / 1000
    return spent


def _kind(operation: str) -> str:
    for kind, words in _KINDS.items():
        if any(operation.startswith(word) or (":" not in word and word in operation) for word in words):
            return kind
    return "others"


if __name__ == "__main__":
    main(sys.argv[1:])
