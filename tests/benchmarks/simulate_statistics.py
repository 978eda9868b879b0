"""Simulates how often the intervals of a report cover, and how often its verdicts are false or found.

python tests/benchmarks/simulate_statistics.py             print all tables, in about half an hour
python tests/benchmarks/simulate_statistics.py power false those whose name begins so
python tests/benchmarks/simulate_statistics.py --write     and write them into docs/explanation/statistics.md
python tests/benchmarks/simulate_statistics.py --draws=100 from fewer reports than 400
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy import ndarray

from posharness.contracts import Claim, Frames
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.comparison import Arm, effect, with_pools
from posharness_reports.measures.ranking import corrected as corrected_pairs
from posharness_reports.measures.ranking import p_of, rank_all
from posharness_reports.measures.reach import area, reach
from posharness_reports.measures.statistics import ALPHA, across_runs, bounded_mean, within_run
from posharness_reports.sections.claims.verdicts import corrected, judge_claims, judged_alike, weigh
from posharness_reports.study import study

__all__ = [
    "COVERAGE",
    "FALSE",
    "SEEDS",
    "Reports",
    "censored_reach",
    "false_statements",
    "found_effects",
    "read",
]

Array = ndarray[Any, Any]
Generator = np.random.Generator

SEEDS = (2, 3, 5, 10)
PAGE = Path(__file__).parents[2] / "docs/explanation/statistics.md"
_PREDICTIONS, _SEQUENCES, _TOKENS = 1024, 256, 4


def _beta(mean: float, size: float) -> Callable[[Generator, tuple[int, ...]], Array]:
    return lambda rng, shape: rng.beta(mean * size, (1 - mean) * size, shape)


def _normal(mean: float, spread: float) -> Callable[[Generator, tuple[int, ...]], Array]:
    return lambda rng, shape: np.clip(rng.normal(mean, spread, shape), 0.001, 0.999)


def _two_peaks(rng: Generator, shape: tuple[int, ...]) -> Array:
    return np.where(rng.random(shape) < 0.5, _beta(0.97, 60)(rng, shape), _beta(0.15, 60)(rng, shape))


RUNS: Mapping[str, tuple[Callable[[Generator, tuple[int, ...]], Array], float]] = {
    "mid-range": (_beta(0.6, 15), 0.6),
    "small effects of seeds": (_normal(0.8, 0.01), 0.8),
    "ceiling": (_beta(0.97, 100), 0.97),
    "two peaks": (_two_peaks, 0.56),
}
"""Regimes: true accuracies of runs, and their mean."""


def accuracy_coverage(regime: str, seeds: int, rng: Generator, draws: int, *, together: float = 0.0) -> float:
    """How often the interval of a mean accuracy across runs covers.

    Args:
        together: the correlation of the tokens of a sequence.
    """
    drawn, mean = RUNS[regime]
    truth = drawn(rng, (seeds, draws))
    if together:
        size = (1 - together) / together
        sequences = rng.beta(
            np.maximum(truth * size, 1e-3)[..., None], np.maximum((1 - truth) * size, 1e-3)[..., None],
            (seeds, draws, _SEQUENCES),
        )  # fmt: skip
        means = rng.binomial(_TOKENS, sequences).sum(-1) / (_TOKENS * _SEQUENCES)
    else:
        means = rng.binomial(_PREDICTIONS, truth) / _PREDICTIONS
    low, high = across_runs(means, np.full(draws, float(seeds * _SEQUENCES)))
    return float(((low <= mean) & (mean <= high)).mean())


NORMALISED: Mapping[str, tuple[float, float]] = {
    "learned by half": (0.5, 0.1),
    "little learned": (0.1, 0.05),
    "at chance": (0.0, 0.01),
    "below blind": (-0.4, 0.05),
}
"""Regimes of normalised accuracy: its mean and the spread between runs."""


def normalised_coverage(regime: str, seeds: int, rng: Generator, draws: int) -> float:
    """How often the interval of a mean normalised accuracy across runs covers."""
    mean, spread = NORMALISED[regime]
    ends = [bounded_mean(runs)[1:] for runs in rng.normal(mean, spread, (draws, seeds))]
    return float(np.mean([low <= mean <= high for low, high in ends]))


def one_run_coverage(accuracy: float, together: float, rng: Generator, draws: int) -> float:
    """How often the interval of one run covers its accuracy, if the tokens of its sequences go together."""
    size = (1 - together) / together if together else 0.0
    sequences = rng.beta(accuracy * size, (1 - accuracy) * size, (_SEQUENCES, draws)) if size else accuracy
    right = rng.binomial(_TOKENS, sequences, (_SEQUENCES, draws)).astype(float)
    low, high = within_run(right, np.full_like(right, _TOKENS))
    return float(((low <= accuracy) & (accuracy <= high)).mean())


def effect_coverage(regime: str, seeds: int, rng: Generator, draws: int) -> float:
    """How often the interval of an effect over three tasks covers.

    With *unequal tasks* one task is at the ceiling, one in the middle and one varies little.
    """
    names = ["ceiling", "mid-range", "small effects of seeds"] if regime == "unequal tasks" else [regime] * 3
    covered = 0
    for _ in range(draws):
        one, two = (
            {
                str(i): Arm(rng.binomial(_PREDICTIONS, RUNS[name][0](rng, (1, seeds))) / _PREDICTIONS)
                for i, name in enumerate(names)
            }
            for _ in range(2)
        )
        found = effect(one, two)
        assert found is not None
        low, high = found.overall.interval()
        covered += low <= 0 <= high
    return covered / draws


_DISTANCES = np.array([1.0, 2, 4, 8, 16, 32, 64, 128])
_NEAR = np.array([2.0, 4, 6, 8, 10, 12, 14, 16])
CURVES: Mapping[str, tuple[Array, float, float, float]] = {
    "gentle fall, runs alike": (_DISTANCES, 30, 1.0, 0.3),
    "gentle fall, runs differ": (_DISTANCES, 30, 1.0, 1.0),
    "steep fall, runs alike": (_NEAR, 9, 4.0, 0.3),
    "steep fall, runs differ": (_DISTANCES, 11, 2.5, 1.0),
}
"""Distances, the true reach, the slope of the log odds by log distance, and the spread between runs."""
_CHANCE, _PER_BUCKET = 1 / 16, 200


def _curves(log_odds: Array, rng: Generator) -> tuple[Array, Array]:
    total = np.full(log_odds.shape, _PER_BUCKET)
    right = rng.binomial(total, _CHANCE + (1 - _CHANCE) / (1 + np.exp(-log_odds)))
    return right.astype(float), total.astype(float)


def _falling(name: str, seeds: int, rng: Generator) -> tuple[Array, Array, Array, float]:
    distances, true, slope, spread = CURVES[name]
    place = np.log(distances)
    odds = np.log(9.0) + slope * (np.log(true) - place) + spread * rng.standard_normal((seeds, 1))
    return (*_curves(odds, rng), distances, true)


def reach_coverage(regime: str, seeds: int, rng: Generator, draws: int) -> float:
    """How often the interval of the reach covers the distance at which the typical run crosses .9."""
    covered = 0
    for _ in range(draws):
        right, total, distances, true = _falling(regime, seeds, rng)
        found = reach(right, total, total, np.full(len(distances), _CHANCE), distances)
        covered += found.low <= true <= found.high
    return covered / draws


def area_coverage(regime: str, seeds: int, rng: Generator, draws: int) -> float:
    """How often the interval of the area covers the mean area of runs."""
    distances, true, slope, spread = CURVES[regime]
    place = np.log(distances)
    many = np.log(9.0) + slope * (np.log(true) - place) + spread * rng.standard_normal((20000, 1))
    mean = area(1 / (1 + np.exp(-many)), distances)[1]
    covered = 0
    for _ in range(draws):
        right, total, _, _ = _falling(regime, seeds, rng)
        _, _, low, high = area((right / total - _CHANCE) / (1 - _CHANCE), distances)
        covered += low <= mean <= high
    return covered / draws


def censored_reach(seeds: int, rng: Generator, draws: int) -> float:
    """How often the reach is "≥ longest" if every bucket has a true normalised accuracy of .97."""
    odds = np.full((seeds, len(_NEAR)), np.log(0.97 / 0.03))
    chance = np.full(len(_NEAR), _CHANCE)
    censored = 0
    for _ in range(draws):
        right, total = _curves(odds + 0.3 * rng.standard_normal((seeds, 1)), rng)
        censored += bool(np.isposinf(reach(right, total, total, chance, _NEAR).length))
    return censored / draws


COVERAGE: Mapping[tuple[str, str], Callable[[int, Generator, int], float]] = {
    **{
        ("accuracy", regime): lambda seeds, rng, draws, regime=regime: accuracy_coverage(
            regime, seeds, rng, 10 * draws
        )
        for regime in RUNS
    },
    ("accuracy", "tokens that go together"): lambda seeds, rng, draws: accuracy_coverage(
        "mid-range", seeds, rng, draws, together=0.5
    ),
    **{
        ("normalised accuracy", regime): lambda seeds, rng, draws, regime=regime: normalised_coverage(
            regime, seeds, rng, 2 * draws
        )
        for regime in NORMALISED
    },
    **{
        ("effect, 3 tasks", regime): lambda seeds, rng, draws, regime=regime: effect_coverage(
            regime, seeds, rng, draws
        )
        for regime in (*RUNS, "unequal tasks")
    },
    **{
        ("area", regime): lambda seeds, rng, draws, regime=regime: area_coverage(regime, seeds, rng, draws)
        for regime in CURVES
    },
    **{
        ("reach", regime): lambda seeds, rng, draws, regime=regime: reach_coverage(regime, seeds, rng, draws)
        for regime in CURVES
    },
}
"""Kind of interval and regime to a simulation of its coverage."""


class Given(Claim):
    """A claim with simulated values."""

    name = "given"
    summary = "Simulated"
    statement = "One is better than two."
    contrasts: ClassVar = (("one", "two"),)
    metric = "simulated"

    def __init__(self, values: pd.DataFrame) -> None:
        self.values = values

    def measure(self, frames: Frames) -> pd.DataFrame:
        """The given values."""
        return self.values


_CLAIMS = 5
"""Claims of a report: three at the training length, one in other lengths, one on something else of a run."""
_LENGTH_OF_CLAIM = (0, 0, 0, 1, 2)
_COPIES = Given(pd.DataFrame())


def outcomes(regime: str, effect_size: float, spread: float, shape: tuple[int, ...], rng: Generator) -> Array:
    """Values of two labels (what, label, task, seed, objective), at the training length, beyond it, and of
    something else. Objectives of a run share most of its luck; half of the runs have the same beyond."""
    if regime == "two peaks":
        luck = _two_peaks(rng, (3, *shape[:-1], 1))
    elif regime == "two levels":
        luck = np.where(rng.random((3, *shape[:-1], 1)) < 0.5, 0.7, 0.95)
    elif regime == "two peaks on a fifth of the tasks":
        luck = _two_peaks(rng, (3, *shape[:-1], 1))
        luck[:, :, -(-shape[1] // 5) :] = 0.9
    elif regime == "ceiling":
        luck = _beta(0.97, 100)(rng, (3, *shape[:-1], 1))
    else:
        luck = rng.normal(0.6, spread, (3, *shape[:-1], 1))
    luck[1] = np.where(rng.random(luck[1].shape) < 0.5, luck[0], luck[1])
    values: Array = luck + rng.normal(0, 0.02, (3, *shape))
    values[:, 0] += effect_size
    return values


def read(values: Array) -> tuple[list[str], int]:
    """The verdicts that a report gives on these values, and the number of separated pairs.

    Rankings are over tasks and on each task and objective, at the training length and beyond it. This is what
    `rank_all` and `judge_claims` compute, without their frames, for `Reports` would take hours.

    Args:
        values: of `outcomes`.
    """
    tasks = range(values.shape[2])
    blocks = [
        {str(t): {str(label): Arm(what[label, t].T) for label in (0, 1)} for t in tasks} for what in values
    ]  # objectives are parts
    sides = [_sides(with_pools(held)) for held in blocks]
    over = sides[:2] if len(tasks) > 1 else []
    each = []
    for what in values[:2]:
        single = {
            f"{t} {o}": {str(label): Arm(what[label, t, :, [o]]) for label in (0, 1)}
            for t in tasks
            for o in range(values.shape[4])
        }
        each += [_sides({name: own}) for name, own in with_pools(single, independent=2 * len(tasks)).items()]
    p = [[_p(pair) for pair in pairs] for pairs in (over, each)]
    apart = sum(value <= ALPHA for value in corrected_pairs(*p))
    evidence = [weigh(*sides[place], _COPIES) for place in _LENGTH_OF_CLAIM]
    found = [each for each in evidence if each is not None]
    smallest = _COPIES.smallest_effect
    return [judged_alike(each, smallest, *p) for each, p in zip(found, corrected(found), strict=True)], apart


def _sides(held: Mapping[str, Mapping[str, Arm]]) -> list[dict[str, Arm]]:
    """The arms of each of the two labels."""
    return [{name: own[label] for name, own in held.items()} for label in ("0", "1")]


def _p(pair: Sequence[Mapping[str, Arm]]) -> float:
    found = effect(*pair)
    assert found is not None
    return p_of(found, *pair)


class Reports:
    """Reports on two labels with five claims, by whole frames."""

    def __init__(self, tasks: int, seeds: int, objectives: int) -> None:
        self.shape = (2, tasks, seeds, objectives)
        levels = [("one", "two"), [f"task{i:02}" for i in range(tasks)], range(seeds)]
        index = pd.MultiIndex.from_product(
            [*levels, [f"o{i}" for i in range(objectives)]], names=["label", "task", "seed", "objective"]
        )
        self.rows = index.to_frame(index=False)
        cells = self.rows.drop_duplicates(["label", "task", "seed"]).drop(columns="objective")
        cells = cells.assign(
            encoding=cells["label"],
            attention="softmax",
            status="done",
            objectives=[tuple(f"o{i}" for i in range(objectives))] * len(cells),
            cell=[f"{i:064x}" for i in range(len(cells))],
        )
        self.claims = [Given(self.rows) for _ in range(_CLAIMS)]
        self.study = study(Frames(cells, pd.DataFrame(), pd.DataFrame()), self.claims)

    def read(self, values: Array) -> tuple[list[str], int]:
        """As `read`."""
        every = [self.rows.assign(value=what.ravel()) for what in values]
        scores = pd.concat(
            rows.assign(
                decoding="teacher-forced",
                scope=scope,
                posed=rows["task"],
                part=rows["task"] + " " + rows["objective"],
            )
            for rows, scope in zip(every, SCOPES, strict=False)
        )
        rankings = rank_all(scores)
        apart = sum(
            len(ranking.separated(ALPHA)) for ranking in (*rankings.overall.values(), *rankings.each.values())
        )
        several = self.shape[-1] > 1
        for claim, place in zip(self.claims, _LENGTH_OF_CLAIM, strict=True):
            rows = every[place]
            name = rows["task"] + " (" + rows["objective"] + ")" if several else rows["task"]
            claim.values = rows.assign(task=name, reason="")
        return [contrast.outcome for contrast in judge_claims(replace(self.study))], apart


def false_statements(
    regime: str, tasks: int, objectives: int, seeds: int, rng: Generator, draws: int
) -> float:
    """How many reports on copies of one encoding tell them apart, in a verdict or a ranking."""
    wrong = 0
    for _ in range(draws):
        verdicts, apart = read(outcomes(regime, 0.0, 0.16, (2, tasks, seeds, objectives), rng))
        wrong += apart > 0 or bool({*verdicts} & {"borne out", "contradicted", "differs between tasks"})
    return wrong / draws


def found_effects(
    effect_size: float, spread: float, seeds: int, rng: Generator, draws: int
) -> tuple[float, float]:
    """How many reports with three tasks find an effect "borne out", and "no difference that matters"."""
    shape = (2, 3, seeds, 1)
    verdicts = [read(outcomes("mid-range", effect_size, spread, shape, rng))[0][0] for _ in range(draws)]
    return verdicts.count("borne out") / draws, verdicts.count("no difference that matters") / draws


_HEAD = [f"{n} seeds" for n in SEEDS]


def _coverage(rng: Generator, draws: int) -> str:
    rows = [
        [kind, regime, *(f"{simulate(n, rng, draws):.2f}" for n in SEEDS)]
        for (kind, regime), simulate in COVERAGE.items()
    ]
    return _markdown(["interval of", "regime", *_HEAD], rows)


def _one_run(rng: Generator, draws: int) -> str:
    rows = [
        [f"{accuracy:g}", *(f"{one_run_coverage(accuracy, r, rng, 3 * draws):.2f}" for r in (0, 0.3, 0.9))]
        for accuracy in (0.3, 0.8, 0.97)
    ]
    return _markdown(["true accuracy", "independent", "correlation .3", "correlation .9"], rows)


def _censored(rng: Generator, draws: int) -> str:
    shares = [f"{censored_reach(n, rng, draws):.2f}" for n in (1, *SEEDS)]
    return _markdown(["1 seed", *_HEAD], [shares])


def _false(regime: str) -> Callable[[Generator, int], str]:
    def table(rng: Generator, draws: int) -> str:
        rows = []
        for tasks, objectives in ((1, 1), (1, 3), (3, 1), (3, 3), (15, 1), (15, 3)):
            n = draws if tasks < 15 else draws // 2
            shares = [false_statements(regime, tasks, objectives, seeds, rng, n) for seeds in SEEDS]
            rows.append([str(tasks), str(objectives), *map(_percent, shares)])
        note = f"Of {draws} reports each, {draws // 2} with 15 tasks."
        return f"{_markdown(['tasks', 'objectives', *_HEAD], rows)}\n\n{note}"

    return table


def _power(rng: Generator, draws: int) -> str:
    rows = []
    cases = ((0.05, 0.05), (0.1, 0.05), (0.2, 0.05), (0.2, 0.15), (0.4, 0.15), (0, 0.02), (0, 0.05))
    for size, spread in cases:
        shares = [found_effects(size, spread, n, rng, draws // 2) for n in SEEDS]
        rows.append([f"{size:g}", f"{spread:g}", *(f"{100 * a:.0f} / {100 * b:.0f} %" for a, b in shares)])
    return _markdown(["true effect", "sd of a run", *_HEAD], rows)


FALSE = ("mid-range", "ceiling", "two peaks", "two levels", "two peaks on a fifth of the tasks")
"""The regimes in which copies of one encoding are compared."""

TABLES: Mapping[str, Callable[[Generator, int], str]] = {
    "coverage": _coverage,
    "one-run": _one_run,
    "censored": _censored,
    **{f"false, {regime}": _false(regime) for regime in FALSE},
    "power": _power,
}
"""The tables of the page on statistics, as Markdown, by name."""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def main(given: Sequence[str]) -> None:
    """Print the tables whose name begins with a word, by default all; see the module."""
    words = [word for word in given if not word.startswith("-")]
    draws = next((int(word.partition("=")[2]) for word in given if word.startswith("--draws=")), 400)
    for name in [name for name in TABLES if any(name.startswith(word) for word in words) or not words]:
        table = TABLES[name](np.random.default_rng(11), draws)
        sys.stdout.write(f"{name}\n\n{table}\n\n")
        sys.stdout.flush()
        if "--write" in given:
            mark = re.compile(rf"(<!-- simulated: {name} -->).*?(<!-- end -->)", re.DOTALL)
            page = PAGE.read_text("utf-8")
            filled = mark.sub(lambda match, text=table: f"{match[1]}\n\n{text}\n\n{match[2]}", page)
            PAGE.write_text(filled, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
