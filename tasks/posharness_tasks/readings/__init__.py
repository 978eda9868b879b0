"""Readings of a pretrained masked language model: questions whose answers have a dependency length."""

from posharness_tasks.readings.heads.reading import Heads
from posharness_tasks.readings.nearest_copy import NearestCopy
from posharness_tasks.readings.subject_verb.reading import SubjectVerb
from posharness_tasks.readings.truncation import Truncation

__all__ = ["Heads", "NearestCopy", "SubjectVerb", "Truncation"]
