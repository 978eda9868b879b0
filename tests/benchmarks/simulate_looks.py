"""Simulates runs with `--until decided`: false statements over all looks, effects found, and number of runs.

python -m tests.benchmarks.simulate_looks          print the table, in about ten minutes
python -m tests.benchmarks.simulate_looks --write  and write it into docs/how-to/run-until-decided.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness.planning.looks import Looks, planned_looks
from posharness_reports.compile.undecided import undecided
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import Study, study
from tests.benchmarks.simulate_statistics import RUNS, Given

__all__ = ["SETTINGS", "Run", "Setting", "simulate"]

PAGE = Path(__file__).parents[2] / "docs/how-to/run-until-decided.md"
LOOKS = planned_looks(3, 12)
_WRONG = {"borne out", "contradicted", "differs between tasks"}


class _Compared(Given):
    """The first two labels."""

    contrasts: ClassVar = (("e0", "e1"),)


@dataclass(frozen=True)
class Setting:
    """Labels of which the first is better than the others by `effect` on every task.

    Attributes:
        spread: the standard deviation between runs; None for runs of two peaks.
    """

    labels: int
    tasks: int
    effect: float
    spread: float | None

    def draw(self, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        """Values (label, task, seed)."""
        shape = (self.labels, self.tasks, LOOKS.seeds[-1])
        if self.spread is None:
            values = RUNS["two peaks"][0](rng, shape)
        else:
            values = rng.normal(0.5, self.spread, shape)
        values[0] += self.effect
        return values


SETTINGS: Mapping[str, Setting] = {
    "copies of one encoding": Setting(2, 3, 0.0, 0.16),
    "copies, runs of two peaks": Setting(2, 3, 0.0, None),
    "five copies": Setting(5, 3, 0.0, 0.16),
    "copies, runs alike": Setting(2, 3, 0.0, 0.02),
    "better by .2, runs alike": Setting(2, 3, 0.2, 0.05),
    "better by .2": Setting(2, 3, 0.2, 0.16),
    "better by .4": Setting(2, 3, 0.4, 0.16),
    "better than four by .4": Setting(5, 3, 0.4, 0.16),
}


@dataclass(frozen=True)
class Run:
    """What one run of an experiment said.

    Attributes:
        false: whether any look told copies apart, or said that a worse label is better.
        found: whether the last look has the first label above the second: over tasks, and as a verdict.
        runs: the number of trainings.
        looks: the number of looks.
    """

    false: bool
    found: bool
    runs: int
    looks: int


class _Experiment:
    """An experiment with a claim that label 0 is better than label 1, whose values are simulated."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        labels = [f"e{i}" for i in range(setting.labels)]
        tasks = [f"task{i}" for i in range(setting.tasks)]
        index = pd.MultiIndex.from_product(
            [labels, tasks, range(LOOKS.seeds[-1])], names=["label", "task", "seed"]
        )
        self.rows = index.to_frame(index=False).assign(
            objective="o", decoding="teacher-forced", scope=SCOPES[0], reason=""
        )
        self.rows = self.rows.assign(
            posed=self.rows["task"], part=self.rows["task"] + " o", ranked_as=self.rows["decoding"]
        )
        cells = index.to_frame(index=False)
        cells = cells.assign(
            encoding=cells["label"],
            attention="softmax",
            status="done",
            objectives=[("o",)] * len(cells),
            cell=[f"{i:064x}" for i in range(len(cells))],
            started="2026-01-05T10:00:00Z",
        )
        self.claim = _Compared(self.rows)
        self.study = study(Frames(cells, pd.DataFrame(), pd.DataFrame()), [self.claim])
        self.place = self.study.cells[["label", "task", "seed"]].astype({"seed": int})

    def report(self, values: np.ndarray[Any, Any], seeds: np.ndarray[Any, Any], alpha: float) -> Study:
        """The study of these values (label, task, seed), of which each arm has so many (label, task)."""
        has = (np.arange(values.shape[2]) < seeds[..., None]).ravel()
        rows = self.rows.assign(value=values.ravel())[has]
        self.claim.values = rows
        kept = {(label, task, seed) for label, task, seed in rows[["label", "task", "seed"]].to_numpy()}
        chosen = [tuple(row) in kept for row in self.place.to_numpy()]
        made = replace(self.study, cells=self.study.cells[chosen].reset_index(drop=True), alpha=alpha)
        made.__dict__["scores"] = rows
        return made

    def says(self, made: Study) -> tuple[bool, bool]:
        """Whether something false is said; and whether the effect is found, over tasks and as a verdict."""
        every = [*made.rankings.overall.values(), *made.rankings.each.values()]
        apart = [pair for ranking in every for pair in ranking.separated(ALPHA)]
        verdicts = {contrast.outcome for contrast in judge_claims(made)}
        if not self.setting.effect:
            return bool(apart or verdicts & _WRONG), False
        wrong = any(better != "e0" for better, _ in apart) or bool(verdicts & {*_WRONG} - {"borne out"})
        overall = [pair for ranking in made.rankings.overall.values() for pair in ranking.separated(ALPHA)]
        return wrong, "borne out" in verdicts and ("e0", "e1") in overall


def simulate(setting: Setting, rng: np.random.Generator, draws: int, looks: Looks = LOOKS) -> list[Run]:
    """Run an experiment until it is decided, again and again."""
    experiment = _Experiment(setting)
    found = []
    for _ in range(draws):
        values = setting.draw(rng)
        seeds = np.full((setting.labels, setting.tasks), looks.seeds[0])
        false = False
        for number, level in enumerate(looks.levels):
            made = experiment.report(values, seeds, level)
            wrong, right = experiment.says(made)
            false |= wrong
            following = looks.seeds[number + 1] if number + 1 < len(looks.seeds) else 0
            at = replace(looks, look=number + 1)
            open_ = [each for each in undecided(made) if not at.hopeless(each.seeds)] if following else []
            if not open_:
                break
            for each in open_:
                for label in each.labels:
                    for task in each.tasks:
                        seeds[int(label[1:]), int(task[4:])] = following
        found.append(Run(false, right, int(seeds.sum()), number + 1))
    return found


def _table(draws: int, only: Sequence[str]) -> str:
    head = ["runs of", "false", "found", "runs", "fixed: false", "found", "runs"]
    rows = []
    for name, setting in ((name, SETTINGS[name]) for name in only or SETTINGS):
        fixed_looks = Looks(LOOKS.seeds[-1:])
        columns = []
        for looks in (LOOKS, fixed_looks):
            runs = simulate(setting, np.random.default_rng(23), draws, looks)
            false, right, used = (np.mean([getattr(run, field) for run in runs]) for field in _FIELDS)
            columns += [
                f"{100 * false:.1f} %",
                f"{100 * right:.0f} %" if setting.effect else "",
                f"{used:.1f}",
            ]
        rows.append([f"{name}: {setting.labels} labels, {setting.tasks} tasks", *columns])
        sys.stderr.write(f"{rows[-1]}\n")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


_FIELDS = ("false", "found", "runs")


def main(given: Sequence[str]) -> None:
    """Print the table, and with --write put it into the page."""
    draws = int(next((word for word in given if word.isdigit()), "400"))
    table = _table(draws, [word for word in given if word in SETTINGS])
    sys.stdout.write(f"{table}\n")
    if "--write" in given:
        mark = re.compile(r"(<!-- simulated: looks -->).*?(<!-- end -->)", re.DOTALL)
        page = PAGE.read_text("utf-8")
        PAGE.write_text(mark.sub(lambda match: f"{match[1]}\n\n{table}\n\n{match[2]}", page), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
