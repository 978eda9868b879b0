"""What a report leaves open, for who adds seeds until nothing is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from posharness.contracts import Claim, Frames, defined_in
from posharness_reports import claims
from posharness_reports.compile.undecided import undecided
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.study import study

Simulate = Callable[..., Frames]
CLAIMS = [claim() for claim in defined_in(claims, Claim)]


@pytest.mark.parametrize("seeds", [2, 6])
def test_what_is_open_is_what_the_report_does_not_decide(simulated: Simulate, seeds: int) -> None:
    frames = simulated(seeds=seeds, tasks=("copy", "offset_recall"))
    ready = study(frames, CLAIMS)
    verdicts = sum(contrast.outcome == "undecided" for contrast in judge_claims(ready))
    pairs = [
        pair
        for ranking in (*ready.rankings.overall.values(), *ready.rankings.each.values())
        for pair in ranking.pairs
        if pair.p > ALPHA
    ]
    found = undecided(frames, CLAIMS)
    assert len([each for each in found if each.question.startswith("ranking")]) <= len(pairs)
    assert len([each for each in found if not each.question.startswith("ranking")]) == verdicts
    assert all(set(each.labels) == {"relative", "absolute"} for each in found)
    assert all(set(each.tasks) <= {"copy", "offset_recall"} and each.tasks for each in found)
    assert (len(found) > 0) == (seeds == 2)


def test_who_looks_often_decides_less(simulated: Simulate) -> None:
    frames = simulated(seeds=3, tasks=("copy", "offset_recall"))
    assert len(undecided(frames, CLAIMS, 1e-9)) > len(undecided(frames, CLAIMS, ALPHA))


def test_copies_of_one_encoding_are_settled_once_they_surely_differ_too_little(simulated: Simulate) -> None:
    frames = simulated(("a", "b"), seeds=8, tasks=("copy",))
    frames.predictions["correct"] = frames.predictions["sequence"] % 2 == 0
    assert undecided(frames) == []


def test_the_report_of_a_look_works_at_the_rate_of_that_look(simulated: Simulate) -> None:
    frames = simulated(seeds=4, tasks=("copy", "offset_recall"))
    one, look = (study(frames, CLAIMS, alpha=alpha) for alpha in (ALPHA, ALPHA / 5))
    for key, ranking in one.rankings.each.items():
        for pair, other in zip(ranking.pairs, look.rankings.each[key].pairs, strict=True):
            assert other.p == pytest.approx(min(5 * pair.p, 1.0))
    for contrast, other in zip(judge_claims(one), judge_claims(look), strict=True):
        assert other.p == pytest.approx(min(5 * contrast.p, 1.0), nan_ok=True)
    assert any("looked at several times" in sentence for sentence in caveats(look))
    assert not any("looked at several times" in sentence for sentence in caveats(one))
