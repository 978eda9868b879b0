"""Readings of a pretrained masked language model: what it is asked, and how far the answer has to come."""

from posharness_tasks.readings.heads.reading import Heads
from posharness_tasks.readings.nearest_copy import NearestCopy
from posharness_tasks.readings.subject_verb.reading import SubjectVerb
from posharness_tasks.readings.truncation import Truncation

__all__ = ["Heads", "NearestCopy", "SubjectVerb", "Truncation"]
