"""Examples of the tests: sequences by distance with their sources, and what each encoding answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.study import Study

__all__ = ["Example", "Examples", "Test", "examples"]

_MOST, _MOST_LONGER = 24, 8
"""The number of sequences of a test at the training length, and of one of longer sequences."""

_NEAR, _SHORT = 6, 12
"""Tokens around a marked one that are always shown; as many or fewer, far from any mark, are not left out."""


@dataclass(frozen=True)
class Example:
    """A sequence of a test and one prediction in it.

    Attributes:
        tokens: those of the decoder or encoder that answers; the answer is given at `place`.
        memory: those of the encoder, where there are both; else empty.
        sources: places in `memory` if there is one, else in `tokens`.
        changed: the right answer after the farthest source was changed; "" if it was not.
        answers: label to its answer, and its answer after that change ("" if there was none).
    """

    distance: int
    tokens: list[str]
    memory: list[str]
    sources: list[int]
    place: int
    answer: str
    changed: str
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def right(self) -> list[str]:
        """The labels that answered right."""
        return [label for label, (given, _) in self.answers.items() if given == self.answer]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """The labels that answered wrong, and what."""
        return [(label, given) for label, (given, _) in self.answers.items() if given != self.answer]

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """Texts and what they are: "source", "place", "left out" (a number of tokens), else ""."""
        place = {self.place}
        if self.memory:
            return [
                *_pieces(self.memory, set(self.sources), set()),
                ("→", ""),
                *_pieces(self.tokens, set(), place),
            ]
        return list(_pieces(self.tokens, set(self.sources), place))


@dataclass(frozen=True)
class Test:
    """The examples of one task, objective and length, the nearest first."""

    name: str
    length: int
    seed: int
    examples: list[Example]

    @property
    def ends(self) -> list[Example]:
        """The example of the nearest and that of the farthest source."""
        return [self.examples[0], self.examples[-1]] if len(self.examples) > 1 else self.examples


@dataclass(frozen=True)
class Examples:
    """All tests with examples."""

    tests: list[Test]

    @property
    def data(self) -> list[dict[str, Any]]:
        """What the page's script reads; each sequence is there once, whoever answered."""
        return [
            {
                "name": test.name,
                "length": test.length,
                "seed": test.seed,
                "examples": [
                    [
                        e.distance,
                        " ".join(e.tokens),
                        " ".join(e.memory),
                        e.sources,
                        e.place,
                        e.answer,
                        e.changed,
                    ]
                    for e in test.examples
                ],
                "answers": {
                    label: [list(e.answers.get(label, ())) for e in test.examples]
                    for label in sorted({label for e in test.examples for label in e.answers})
                },
            }
            for test in self.tests
        ]


def examples(study: Study) -> Examples:
    """The examples of the trained cells: of each task and objective the training length, and the longest.

    Of several seeds, the first one that most labels have: the labels of one seed answered the same sequences.
    """
    rows = study.examples
    if rows.empty:
        return Examples([])
    lengths = study.cells.set_index("cell")["train_length"]
    rows = rows.assign(trained=rows["cell"].map(lengths).astype(float))
    tests = []
    for (task, objective), own in grouped(rows, ["task", "objective"]):
        trained = own["length"] == own["trained"]
        longest = own["length"] == own["length"].max()
        parts = [(own[trained], _MOST), (own[longest & ~trained], _MOST_LONGER)]
        tests += [
            _test(title(str(task), str(objective), study.cells), part, most)
            for part, most in parts
            if len(part)
        ]
    return Examples(tests)


def _test(name: str, rows: pd.DataFrame, most: int) -> Test:
    seeds = rows.groupby("seed")["label"].nunique()
    seed = int(seeds.index[int(seeds.to_numpy().argmax())])
    rows = rows[rows["seed"] == seed]
    found: dict[tuple[int, int], Example] = {}
    for row in rows.sort_values("label", kind="stable").to_dict("records"):
        example = found.setdefault(
            (row["sequence"], row["position"]),
            Example(
                int(row["dependency_length"]),
                row["tokens"].split(),
                row["memory"].split(),
                [int(place) for place in row["sources"]],
                int(row["position"]),
                row["answer"],
                row["changed_answer"],
            ),
        )
        example.answers[str(row["label"])] = (row["prediction"], row["changed_prediction"])
    ordered = sorted(found.values(), key=lambda example: example.distance)
    step = max(len(ordered) / most, 1.0)
    kept = [ordered[int(i * step)] for i in range(min(most, len(ordered)))]
    # The farthest is what the report is about.
    return Test(name, int(rows["length"].iloc[0]), seed, [*kept[:-1], ordered[-1]])


def _pieces(tokens: Sequence[str], sources: set[int], place: set[int]) -> Iterator[tuple[str, str]]:
    marked = sources | place
    near = (
        {i + step for i in marked for step in range(-_NEAR, _NEAR + 1)} if marked else set(range(len(tokens)))
    )
    for kept, stretch in groupby(range(len(tokens)), key=near.__contains__):
        places = list(stretch)
        if not kept and len(places) > _SHORT:
            yield str(len(places)), "left out"
            continue
        for i in places:
            yield tokens[i], "source" if i in sources else "place" if i in place else ""
