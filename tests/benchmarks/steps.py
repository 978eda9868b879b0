"""Prints how much faster a training step is than one that computes every state and every score.

python tests/benchmarks/steps.py                    all of it, in some minutes
python tests/benchmarks/steps.py narrow chunk-256   some of it

Both steps are of one model and one batch, in one process with one thread, and take turns. A ratio is that of
the medians of their processor times; the spread is from the lower to the upper quartile of single turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from posharness.contracts import Body
from posharness.contracts.cell import Cell, ModelSettings, OptimiserSettings
from posharness.defaults import cache_root
from posharness.model import Model, build_model
from posharness.model.stack import Stack
from posharness.model.two_stacks import TwoStacks
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.seeds import generator
from posharness.training.batches import predicted
from posharness.training.optimiser import adamw

_TURNS = 15
_SECONDS = 20.0
"""A case ends after so many turns or seconds."""


@dataclass(frozen=True)
class _Case:
    task: str
    encoding: str
    layers: int = 2
    batch: int = 32
    body: Body | None = None
    width: int = 64
    attention: str = "softmax"
    params: Mapping[str, Any] | None = None


def _narrow() -> Iterator[_Case]:
    for task in ("recall", "needle", "copy", "flip_flop"):
        for encoding in ("absolute", "relative"):
            yield _Case(task, encoding)
    yield _Case("recall", "absolute", layers=4)
    yield _Case("copy", "relative", layers=4)


def _bert() -> Iterator[_Case]:
    for encoding in ("absolute", "t5", "relative"):
        yield _Case("bert", encoding, layers=4, width=128, params={"length": "128"})


def _chunks(length: int, batch: int) -> Callable[[], Iterator[_Case]]:
    def cases() -> Iterator[_Case]:
        for encoding in _ENCODINGS:
            params = {"length": str(length), "evaluation_lengths": [str(length)]}
            yield _Case("bytes", encoding, batch=batch, params=params)

    return cases


_ENCODINGS = (
    "none",
    "relative",
    "t5",
    "fire",
    "kerple",
    "transformer_xl",
    "forgetting_gate",
    "deberta",
    "path",
    "cope",
)

GROUPS: Mapping[str, Callable[[], Iterator[_Case]]] = {
    "narrow": _narrow,
    "bert": _bert,
    "chunk-128": _chunks(128, 16),
    "chunk-256": _chunks(256, 8),
    "chunk-1024": _chunks(1024, 2),
    "chunk-2048": _chunks(2048, 1),
}


def prepare(case: _Case, registry: Registry) -> Callable[[bool], None]:
    """A training step, plain or not."""
    found = registry.tasks.find(case.task)
    choice = registry.choose(found, dict(case.params or {}))
    body = case.body or found.bodies[0]
    settings = ModelSettings(width=case.width, layers=case.layers)
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection(case.encoding, {})),
        attention=registry.select(registry.attentions, Selection(case.attention, {})),
        body=body,
        task=choice,
        model=settings.like_bert() if case.task == "bert" else settings,
    )
    task = registry.task(choice, body)
    task.prepare(cache_root())
    model = build_model(cell, registry, task)
    optimiser = adamw(model, OptimiserSettings())
    batch = task.sample(generator("benchmark"), case.batch, task.length, "train")

    def step(plain: bool) -> None:
        _set_chunk(model, 0 if plain else "auto")
        draws = generator("positions")
        hidden = model(batch, draws)[batch.scored] if plain else model.scored(batch, draws)
        targets = batch.targets[batch.scored]
        losses = []
        for index in range(len(task.objectives)):
            own = predicted(batch, index)[batch.scored]
            losses.append(cross_entropy(model.logits(hidden[own], index), targets[own]))
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()

    return step


def _set_chunk(model: Model, chunk: Any) -> None:
    body = model.body
    for stack in [body.encoder, body.decoder] if isinstance(body, TwoStacks) else [body]:
        assert isinstance(stack, Stack)
        stack.chunk = chunk


def _measure(step: Callable[[bool], None]) -> tuple[list[float], list[float]]:
    plain: list[float] = []
    new: list[float] = []
    began = time.monotonic()
    while len(plain) <= _TURNS and (len(plain) < 4 or time.monotonic() - began < _SECONDS):
        for times, is_plain in ((plain, True), (new, False)):
            start = time.process_time()
            step(is_plain)
            times.append(time.process_time() - start)
    return plain[1:], new[1:]


def main(names: Sequence[str]) -> None:
    """Measure the named groups, by default all, and print one row for each case."""
    torch.set_num_threads(1)
    registry = Registry.load()
    sys.stdout.write(
        "| task | encoding | layers | plain ms | now ms | ratio | spread |\n|---|---|---|---|---|---|---|\n"
    )
    for name in names or GROUPS:
        for case in GROUPS[name]():
            plain, new = _measure(prepare(case, registry))
            ratios = sorted(one / other for one, other in zip(plain, new, strict=True))
            low, _, high = statistics.quantiles(ratios, n=4)
            before, now = 1000 * statistics.median(plain), 1000 * statistics.median(new)
            where = f"{case.task} {(case.params or {}).get('length', '')}".strip()
            sys.stdout.write(
                f"| {where} | {case.encoding} | {case.layers} | {before:.1f} | {now:.1f} "
                f"| {before / now:.2f} | {low:.2f}–{high:.2f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
