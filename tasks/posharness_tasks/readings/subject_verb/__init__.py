"""Subject–verb agreement: the reading and its minimal pairs."""

from posharness_tasks.readings.subject_verb.reading import SubjectVerb

__all__ = ["SubjectVerb"]
