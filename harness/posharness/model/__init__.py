"""The model of a cell: a body that turns tokens into hidden states, and a readout for each objective."""

from posharness.model.build import build_model
from posharness.model.model import Model

__all__ = ["Model", "build_model"]
