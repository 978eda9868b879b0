"""Pretrained masked language models, which readings evaluate: from a store, or loaded by `transformers`."""

from posharness.pretrained.external import open_transformers
from posharness.pretrained.model import Pretrained
from posharness.pretrained.stored import open_stored

__all__ = ["Pretrained", "open_stored", "open_transformers"]
