"""Randomness: every generator is seeded by a purpose and a seed, never by a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["derive", "generator", "seeded"]


def derive(*purpose: str | int) -> int:
    """A 63-bit seed for a purpose, e.g. `derive("train", "copy", seed, step)`."""
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*purpose: str | int) -> torch.Generator:
    """A fresh CPU generator for a purpose."""
    return torch.Generator().manual_seed(derive(*purpose))


@contextmanager
def seeded(*purpose: str | int) -> Iterator[None]:
    """Seed torch's global generator for module constructors, which read it.

    The global state is restored afterwards, so code inside neither depends on code outside nor affects it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(*purpose))
        yield
