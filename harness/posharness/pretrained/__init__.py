"""Pretrained masked language models as readings ask them: those of a store, and those of `transformers`."""

from posharness.pretrained.foreign import open_transformers
from posharness.pretrained.model import Pretrained
from posharness.pretrained.stored import open_stored

__all__ = ["Pretrained", "open_stored", "open_transformers"]
