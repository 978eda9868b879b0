"""What every pretrained model has beside what readings ask of it: a name, an identity and a control."""

from __future__ import annotations

from abc import abstractmethod
from hashlib import sha256
from typing import Self

import torch

from posharness.contracts import MaskedModel

__all__ = ["Pretrained", "best_device", "without_training"]


class Pretrained(MaskedModel):
    """A masked language model with its tokenizer, and where it comes from.

    Attributes:
        label: what reports call it.
        identity: SHA-256 of everything that it computes with.
    """

    label: str
    identity: str

    @abstractmethod
    def untrained(self, seed: int) -> Self:
        """The same architecture and tokenizer, with weights freshly drawn for the seed."""


def without_training(model: Pretrained, seed: int) -> tuple[str, str]:
    """Label and identity of a model's untrained twin."""
    return f"{model.label} (untrained)", sha256(f"{model.identity} untrained {seed}".encode()).hexdigest()


def best_device() -> torch.device:
    """The accelerator where there is one, as in training."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
