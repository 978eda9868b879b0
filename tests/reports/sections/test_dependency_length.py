"""Accuracy by dependency length says where it rests on few predictions."""

from __future__ import annotations

from collections.abc import Callable

from posharness.contracts import Frames
from posharness_reports.sections.dependency_length.content import describe
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def test_tasks_with_few_predictions_at_a_distance_are_named(simulated: Simulate) -> None:
    few, many = (
        describe(study(simulated(tasks=("offset_recall",), sequences=sequences))) for sequences in (40, 400)
    )
    assert few is not None
    assert many is not None
    # 40 sequences of 8 predictions at 6 distances.
    assert "A run has few predictions at each distance of offset\\_recall (5" in few.prose
    assert "few predictions" not in many.prose
