"""The base class of pretrained models: a masked language model with a label, an identity and a control."""

from __future__ import annotations

from abc import abstractmethod
from hashlib import sha256
from typing import Self

import torch

from posharness.contracts import MaskedModel

__all__ = ["Pretrained", "best_device", "without_training"]


class Pretrained(MaskedModel):
    """A masked language model with its tokenizer, a label and an identity.

    Attributes:
        label: its name in reports.
        identity: SHA-256 of everything that can change its output.
    """

    label: str
    identity: str

    @abstractmethod
    def untrained(self, seed: int) -> Self:
        """A control: the same architecture and tokenizer, with new random weights drawn from the seed."""


def without_training(model: Pretrained, seed: int) -> tuple[str, str]:
    """The label and the identity of a model's control."""
    return f"{model.label} (untrained)", sha256(f"{model.identity} untrained {seed}".encode()).hexdigest()


def best_device() -> torch.device:
    """The accelerator if there is one, else the CPU; as in training."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
