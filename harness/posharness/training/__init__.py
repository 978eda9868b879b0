"""Training and testing one cell, and leaving its folder's files."""

from posharness.training.run import Outcome, train_cell

__all__ = ["Outcome", "train_cell"]
