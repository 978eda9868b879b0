"""Evaluates one reading on a pretrained model, and writes the files of its cell."""

from posharness.reading.run import read_cell

__all__ = ["read_cell"]
