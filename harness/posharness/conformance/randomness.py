"""The global random generators, which no plugin draws from."""

from __future__ import annotations

import random

import numpy as np
import torch

__all__ = ["drawn_since", "global_states"]


def global_states() -> dict[str, object]:
    """The state of each library's global generator."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (np.asarray(keys).tobytes(), *rest),
        "random": random.getstate(),
    }


def drawn_since(before: dict[str, object]) -> str:
    """What is wrong if a state has changed; "" if none has."""
    drawn = [name for name, state in global_states().items() if state != before[name]]
    return f"it draws from the global generator of {' and '.join(drawn)}" if drawn else ""
