"""Reading a pretrained model in one cell, and leaving its folder's files."""

from posharness.reading.run import read_cell

__all__ = ["read_cell"]
