"""The model of a cell: a body that reads tokens, and readouts that emit predictions."""

from posharness.model.build import build_model
from posharness.model.model import Model

__all__ = ["Model", "build_model"]
