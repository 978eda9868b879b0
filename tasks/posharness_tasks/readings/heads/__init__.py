"""Syntactic heads: the reading, its probe and the arcs that are scored."""

from posharness_tasks.readings.heads.reading import Heads

__all__ = ["Heads"]
