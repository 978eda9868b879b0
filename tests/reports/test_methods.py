"""The methods paragraph says what was run, and nothing of what did not finish."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from posharness.contracts import Claim, Frames, defined_in
from posharness_reports import claims
from posharness_reports.compile.methods import methods
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.study import study

Simulate = Callable[..., Frames]
CLAIMS = [claim() for claim in defined_in(claims, Claim)]


def test_it_says_what_was_run(simulated: Simulate) -> None:
    text = methods(study(simulated(seeds=3, tasks=("copy",))))
    assert "We compared absolute and relative with 3 seeds" in text
    assert (
        "On copy, decoder models of 2 layers, 4 heads and width 64 were trained for 800 steps by AdamW with "
        "batches of 32 and a learning rate of 0.003 on sequences of 48 tokens, and tested on sequences of 48 "
        "and 96 tokens."
    ) in text
    assert "6 runs took 2 minutes of training with PyTorch 2.13.0 and Python 3.11.7 on two cores." in text


def test_a_gpu_stands_for_the_processor_beside_it(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",))
    frames.cells["device"] = ["cpu", "a GPU"] * 2
    ready = study(frames)
    assert "and Python 3.11.7 on a GPU and two cores." in methods(ready)
    assert any("Finished cells differ in device (a GPU, cpu)." in each for each in caveats(ready))


def test_what_did_not_finish_is_not_a_method(simulated: Simulate) -> None:
    failed = {("absolute", "copy", seed): ("failed", "It broke.") for seed in range(2)}
    assert "We trained relative with 2 seeds" in methods(study(simulated(statuses=failed, tasks=("copy",))))
    assert methods(study(simulated(default="failed", tasks=("copy",)))) == ""


def _with(simulated: Simulate, *, seeds: int = 3, labels: tuple[str, ...] = (), **settings: object) -> str:
    """The methods of runs on copy with these settings."""
    frames = simulated(**({"labels": labels} if labels else {}), seeds=seeds, tasks=("copy",))
    frames.cells["settings"] = [{**own, **settings} for own in frames.cells["settings"]]
    return methods(study(frames, CLAIMS))


def test_one_seed_is_not_said_to_be_tested(simulated: Simulate) -> None:
    text = _with(simulated, seeds=1)
    assert "with 1 seed for each encoding and task." in text
    assert "There is one seed, so 95 % intervals are about the test sequences of the one run" in text
    assert "No difference between encodings was tested" in text
    assert not any(word in text for word in ("Student", "Holm", "Welch"))


def test_tests_are_said_as_they_were_made(simulated: Simulate) -> None:
    text = _with(simulated, seeds=5)
    assert "Student's t over runs with Welch's degrees of freedom." in text  # no mean over tasks
    assert "is less than that of the runs beside it" in text
    assert "Holm's method for" in text
    assert "(60 % of that rate for the claims)" in text
    many = methods(study(simulated(seeds=5), CLAIMS))
    assert "degrees of freedom, a mean over tasks with those of Satterthwaite." in many
    two = _with(simulated, seeds=2)
    assert "Of few runs no p is believed that is less than an exchange of runs" in two
    ready = study(simulated(seeds=5, tasks=("copy", "offset_recall")))
    assert not any(pair.least for each in ready.rankings.each.values() for pair in each.pairs)
    assert "Of few runs" not in methods(ready)
    ready = study(simulated(seeds=5), CLAIMS)
    number = sum(
        len(each.pairs) for each in [*ready.rankings.overall.values(), *ready.rankings.each.values()]
    )
    judged = [each for each in judge_claims(ready) if each.evidence]
    assert f" for {len(judged)} contrasts of the claims and {number} pairs of encodings in all" in many
    alone = methods(study(simulated(seeds=5)))
    assert "contrast" not in alone
    assert "rate for the claims" not in alone


def test_one_encoding_is_compared_with_nothing(simulated: Simulate) -> None:
    text = _with(simulated, labels=("relative",))
    assert text.startswith("We trained relative with 3 seeds for each task.\n")
    assert "difference" not in text


@pytest.mark.parametrize(
    ("schedule", "warmup", "sentence"),
    [
        ("cosine", 0.1, "rose linearly over the first 10 % of the steps, and then fell to 0 along a cosine."),
        ("constant", 0.0, "began at this value, and then stayed."),
        ("linear", 0.25, "rose linearly over the first 25 % of the steps, and then fell to 0 linearly."),
    ],
)
def test_the_schedule_is_named(simulated: Simulate, schedule: str, warmup: float, sentence: str) -> None:
    text = _with(simulated, schedule=schedule, warmup=warmup, solved=0.0, patience=0)
    assert f"The learning rate {sentence}" in text
    assert "ended before" not in text


def test_what_ended_a_training_early_is_said(simulated: Simulate) -> None:
    frames = simulated(seeds=3, tasks=("copy",))
    frames.cells["settings"] = [{**own, "solved": 0.99, "patience": 4} for own in frames.cells["settings"]]
    frames.cells.loc[:1, "steps"] = [300, 500]
    text = methods(study(frames))
    assert " were trained for 800 steps " in text
    assert (
        "Training ended before that once every objective had an accuracy of 0.99 in two validations in a row "
        "or once 4 validations had brought no better score (2 of 6 runs, after 300–500 steps)."
    ) in text
    frames.cells.loc[:1, "steps"] = 800
    text = methods(study(frames))
    assert "Training would have ended before that once every objective " in text
    assert "had brought no better score, which happened in no run." in text


def test_0_is_chance_where_no_more_can_be_known(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy", "offset_recall"))
    assert "Accuracy is normalised: 0 is chance, and 1 is perfect." in methods(study(frames))
    known = "the best prediction that knows everything but the farthest source"
    frames.predictions["blind"] += 0.1 * (frames.predictions["task"] == "copy")
    assert f"0 is chance (on copy it is {known}), and 1 is perfect." in methods(study(frames))
    frames.predictions["blind"] = 0.2
    assert f"Accuracy is normalised: 0 is {known}, and 1 is perfect." in methods(study(frames))
    # Of a span, one position decides little.
    frames.cells.loc[frames.cells["task"] == "copy", "distance"] = "span"
    assert f"0 is chance (on offset_recall it is {known}), and 1 is perfect." in methods(study(frames))


@pytest.mark.parametrize(
    ("seconds", "took"),
    [(1.0, "less than a minute"), (15.0, "1 minute"), (100.0, "7 minutes"), (1800.0, "2.0 hours")],
)
def test_training_never_took_no_time(simulated: Simulate, seconds: float, took: str) -> None:
    frames = simulated(seeds=2, tasks=("copy",))
    frames.cells["seconds"] = seconds
    assert f"4 runs took {took} of training with" in methods(study(frames))
