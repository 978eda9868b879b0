"""Training and testing one cell, and leaving its folder's files."""

from posharness.training.run import train_cell

__all__ = ["train_cell"]
