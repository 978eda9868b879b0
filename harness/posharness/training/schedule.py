"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from posharness.contracts.cell import OptimiserSettings

__all__ = ["factor"]


def factor(step: int, steps: int, settings: OptimiserSettings) -> float:
    """The factor of the learning rate at a step, counted from 0.

    It rises linearly over the first w = round(warmup·steps) steps, (step + 1)/w; afterwards, with
    p = (step − w)/(steps − w), it is (1 + cos πp)/2, 1 − p or 1. No step has a rate of 0.
    """
    warmup = round(settings.warmup * steps)
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    match settings.schedule:
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        case "linear":
            return 1 - progress
        case "constant":
            return 1.0
