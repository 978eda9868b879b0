"""A single-file plugin with a task that fails on request, to check executors with."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, hookimpl


class SampleTask(Task):
    """Emit the token itself; `fate` says what happens before that."""

    name = "conformance-sample"
    summary = "For the checks of executors"
    bodies = ("decoder",)

    def __init__(self, body: Body, *, fate: str = "") -> None:
        super().__init__(body)
        self.fate = fate
        self.length, self.evaluation_lengths, self.vocabulary = 7, (7,), 5
        self.objectives = (Objective("echo", classes=5, chance=0.2),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        if self.fate == "raise":
            raise ValueError("no luck")
        if self.fate == "exit":
            os._exit(3)
        if self.fate == "sleep":
            time.sleep(600)
        tokens = torch.randint(5, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens))


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    """The sample task."""
    return [SampleTask]
