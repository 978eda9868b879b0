"""The methods paragraph says what was run, and nothing of what did not finish."""

from __future__ import annotations

from collections.abc import Callable

from posharness.contracts import Frames
from posharness_reports.compile.methods import methods
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def test_it_says_what_was_run(simulated: Simulate) -> None:
    text = methods(study(simulated(seeds=3, tasks=("copy",))))
    assert "We compared absolute and relative with 3 seeds" in text
    assert (
        "On copy, decoder models of 2 layers, 4 heads and width 64 were trained for 800 steps with batches "
        "of 32 and a learning rate of 0.003 on sequences of 48 tokens, and tested on sequences of 48 and 96 "
        "tokens."
    ) in text
    assert "6 runs took 0.0 hours of training with PyTorch 2.13.0 and Python 3.11.7 on two cores." in text


def test_a_gpu_stands_for_the_processor_beside_it(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",))
    frames.cells["device"] = ["cpu", "a GPU"] * 2
    ready = study(frames)
    assert "and Python 3.11.7 on a GPU and two cores." in methods(ready)
    assert any("Finished cells differ in device (a GPU, cpu)." in each for each in caveats(ready))


def test_what_did_not_finish_is_not_a_method(simulated: Simulate) -> None:
    failed = {("absolute", "copy", seed): ("failed", "It broke.") for seed in range(2)}
    assert "We compared relative with 2 seeds" in methods(study(simulated(statuses=failed, tasks=("copy",))))
    assert methods(study(simulated(default="failed", tasks=("copy",)))) == ""
