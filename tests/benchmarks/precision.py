"""Prints how much faster a training step is in bf16 than in f32, by the width of the model.

python tests/benchmarks/precision.py

All are steps of one BERT of four layers and one batch of 1,024 tokens, in one process with one thread, and
take turns: `trainer.precision` "32-true" and "bf16-mixed" (autocast), and "plain", which is in f32 and
computes every state of the last layer. A ratio is the median over the turns of processor times; the spread is
from the lower to the upper quartile.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
from torch.nn.functional import cross_entropy

from posharness.contracts.cell import Cell, ModelSettings, OptimiserSettings
from posharness.defaults import cache_root
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.seeds import generator
from posharness.training.batches import predicted
from posharness.training.optimiser import adamw

_TURNS, _LENGTH, _BATCH = 9, 128, 8


def main() -> None:
    """Print one row for each width."""
    torch.set_num_threads(1)
    registry = Registry.load()
    given = registry.choose(registry.tasks.find("bert"), {"length": str(_LENGTH)})
    task = registry.task(given, "encoder")
    task.prepare(cache_root())
    batch = task.sample(generator("benchmark"), _BATCH, _LENGTH, "train")
    targets, own = batch.targets[batch.scored], predicted(batch, 0)[batch.scored]
    sys.stdout.write(
        "| width | plain ms | f32 ms | bf16 ms | f32 / bf16 | spread | plain / bf16 | spread |\n"
        f"|{'---|' * 8}\n"
    )
    for width in (64, 128, 256, 512):
        cell = Cell(
            encoding=registry.select(registry.encodings, Selection("learned", {})),
            attention=registry.select(registry.attentions, Selection("softmax", {})),
            body="encoder",
            task=given,
            model=ModelSettings(width=width, layers=4).like_bert(),
        )
        model = build_model(cell, registry, task)
        optimiser = adamw(model, OptimiserSettings())
        seconds: dict[str, list[float]] = {"plain": [], "f32": [], "bf16": []}
        for _ in range(_TURNS + 1):
            for way, times in seconds.items():
                start = time.process_time()
                with torch.autocast("cpu", torch.bfloat16, enabled=way == "bf16"):
                    draws = generator("positions")
                    hidden = (
                        model(batch, draws)[batch.scored] if way == "plain" else model.scored(batch, draws)
                    )
                    loss = cross_entropy(model.logits(hidden[own], 0), targets[own])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                times.append(time.process_time() - start)
        plain, full, short = (times[1:] for times in seconds.values())  # the first steps take memory
        found = [f"{1000 * statistics.median(times):.1f}" for times in (plain, full, short)]
        for slow in (full, plain):
            low, middle, high = statistics.quantiles([a / b for a, b in zip(slow, short, strict=True)], n=4)
            found += [f"{middle:.2f}", f"{low:.2f}–{high:.2f}"]
        sys.stdout.write(f"| {width} | {' | '.join(found)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
