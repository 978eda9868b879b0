"""Agreement of a verb with its subject across other nouns: the task and its words."""

from posharness_tasks.agreement.task import Agreement

__all__ = ["Agreement"]
