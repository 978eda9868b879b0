"""A task that misbehaves as it is told, as a single-file plugin: the tests of the executor run it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError, hookimpl


class Moody(Task):
    """Emit the token itself; before that, do what the mood demands.

    With a `flag`, each training step says "step", and takes a while as long as that file exists.
    """

    name = "moody"
    bodies = ("decoder",)

    def __init__(self, body: Body, *, mood: str = "", flag: str = "") -> None:
        super().__init__(body)
        self.mood, self.flag = mood, Path(flag) if flag else None
        self.forked = False
        self.length, self.evaluation_lengths, self.vocabulary = 7, (7, 11), 5
        self.objectives = (Objective("echo", classes=5, chance=0.2),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        if self.mood == "raise":
            raise ValueError("no luck\ntoday")
        if self.mood == "user":
            raise UserError("give it less")
        if self.mood == "quit":
            sys.exit("I quit")
        if self.mood == "exit":
            os._exit(3)
        if self.mood == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "sleep":
            time.sleep(600)
        if self.mood == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.mood == "halt":
            os.kill(os.getppid(), signal.SIGSTOP)
        if self.mood == "lock":
            ctypes.PyDLL(None).sleep(600)  # keeps the interpreter's lock
        if self.mood in ("child", "widow") and not self.forked:
            self.forked = True
            if (child := os.fork()) == 0:
                time.sleep(600)
            print(f"forked {child}", flush=True)  # noqa: T201
            if self.mood == "widow":
                os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "twin" and not self.forked:
            self.forked = True
            os.fork()
        if self.mood == "close":
            os.closerange(3, 256)
        if self.mood == "hungry":
            torch.zeros(3_000_000_000, dtype=torch.uint8)
        if self.mood == "gpus":
            print(os.environ.get("CUDA_VISIBLE_DEVICES"))  # noqa: T201
        if self.mood == "chatty":
            os.system("echo from a child")
            print("from Python")  # noqa: T201
        if self.flag is not None and split == "train":
            print("step", flush=True)  # noqa: T201
            if self.flag.exists():
                time.sleep(0.05)
        tokens = torch.randint(5, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens))


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    return [Moody]
