"""Measures plugins one after the other, each in its own process and within limits."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO

from posharness.errors import UserError

__all__ = ["Cost", "Limits", "costs", "parse_lengths"]

_LONGEST = 300
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed.

    Attributes:
        seconds: for one plugin at all lengths, the start of its process included.
        mebibytes: of memory for a step.
    """

    seconds: float
    mebibytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training step costs at a length.

    Attributes:
        plugin: as it was selected.
        length: tokens of a sequence.
        seconds: median processor time of a step; NaN where it was stopped.
        fastest, slowest: of the steps.
        mebibytes: the peak of memory in a step, above what the process held before; NaN where it was stopped.
        stopped: why there is no measurement; "" where there is one.
    """

    plugin: str
    length: int
    seconds: float = float("nan")
    fastest: float = float("nan")
    slowest: float = float("nan")
    mebibytes: float = float("nan")
    stopped: str = ""

    def as_json(self) -> dict[str, Any]:
        """With null for what was not measured."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def parse_lengths(text: str) -> list[int]:
    """Lengths from "128,512" or, by doubling, from "128..8192".

    Raises:
        UserError: the text is neither.
    """
    try:
        first, dots, last = text.partition("..")
        if dots:
            low, high = int(first), int(last)
            if not 1 <= low <= high:
                raise ValueError
            return [low << power for power in range((high // low).bit_length())]
        lengths = [int(part) for part in text.split(",")]
        if min(lengths) < 1:
            raise ValueError
    except ValueError:
        raise UserError(
            f"--lengths {text}: expected tokens, as 128,512, or a range that doubles, as 128..8192."
        ) from None
    return sorted(set(lengths))


def costs(
    plugin: str, lengths: Sequence[int], limits: Limits, *, batch: int = 1, paths: Sequence[Path] = ()
) -> Iterator[Cost]:
    """Measure a plugin at each length, in ascending order; the first that is stopped is the last."""
    command = [sys.executable, "-P", "-m", "posharness.cost", plugin, *map(str, lengths)]
    command += ["--batch", str(batch), "--memory", str(limits.mebibytes)]
    command += [text for path in paths for text in ("--plugin-path", str(path))]
    left = list(lengths)
    # A file, unlike a pipe, takes whatever is written while nobody reads.
    with (
        TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limits.seconds, stop)
        timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                cost = Cost(plugin, **json.loads(line))
                left.remove(cost.length)
                yield cost
                if cost.stopped:
                    return
            process.wait()
            if left:
                errors.seek(0)
                reason = f"more than {limits.seconds:g} seconds" if late.is_set() else _last(errors)
                yield Cost(plugin, left[0], stopped=reason)
        finally:
            timer.cancel()
            process.kill()


def _last(errors: TextIO) -> str:
    lines = [line.strip() for line in errors if line.strip()]
    return lines[-1][:_LONGEST] if lines else "its process ended"
