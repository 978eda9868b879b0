"""Examples of a test: which predictions they are, and what they show."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import Batch, Body, Change, Objective, Split, Task
from posharness.contracts.cell import Budget, Cell, Choice
from posharness.contracts.columns import EXAMPLES
from posharness.model import Model
from posharness.training.batches import evaluation_batch
from posharness.training.examples import EXAMPLES_OF_A_TEST, examples
from posharness.training.interventions import intervened
from posharness.training.scoring import score

LENGTH, SYMBOLS = 9, 3


class Asked(Task):
    """Emit the symbol as many tokens back as the segment says, at the last position."""

    name = "asked"
    bodies = ("decoder",)
    changes: bool = True

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = LENGTH, (LENGTH,), SYMBOLS
        self.token_names = ("x", "y", "a space")
        self.segments, self.segment_names = LENGTH, tuple(map(str, range(LENGTH)))
        self.objectives = (Objective("asked", SYMBOLS, 1 / 3, class_names=("X", "Y", "Z")),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        tokens = torch.randint(SYMBOLS, (n, length), generator=generator)
        # Nearly all are one token back.
        back = torch.where(torch.arange(n) % 10 < 8, 1, 1 + torch.arange(n) % 8)
        return self.answered(tokens, back)

    def answered(self, tokens: Tensor, back: Tensor) -> Batch:
        source = (LENGTH - 1 - back)[:, None].expand(tokens.shape)
        scored = (torch.arange(LENGTH) == LENGTH - 1).expand(tokens.shape)
        return Batch(
            tokens,
            tokens.gather(1, source),
            scored,
            torch.where(scored, back[:, None], -1),
            segments=torch.where(scored, back[:, None], 0),
            source=source[..., None],
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        if not self.changes:
            return None
        back = batch.dependency_length[:, -1]
        where = (LENGTH - 1 - back)[:, None] if what == "source" else torch.zeros(len(back), 1).long()
        old = batch.tokens.gather(1, where)
        return self.answered(batch.tokens.scatter(1, where, (old + 1) % SYMBOLS), back)


class Last(Model):
    """A model that always answers with the token before the last."""

    def __init__(self) -> None:
        nn.Module.__init__(self)  # a model without a body
        self.weight = nn.Parameter(torch.zeros(()))

    def scored(self, batch: Batch, generator: torch.Generator) -> Tensor:
        answers = nn.functional.one_hot(batch.tokens.roll(1, 1), SYMBOLS).float()
        hidden: Tensor = answers[batch.scored]
        return hidden

    def logits(self, hidden: Tensor, objective: int) -> Tensor:
        return hidden


CELL = Cell(
    encoding=Choice(name="none"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="asked"),
    budget=Budget(test_sequences=200, intervention_sequences=100),
)


def shown(*, changes: bool = True) -> tuple[Batch, pd.DataFrame]:
    task, model = Asked("decoder"), Last()
    task.changes = changes
    batch = evaluation_batch(CELL, task, LENGTH)
    answers = score(model, batch, 1, ("test",))
    tests = intervened(CELL, model, task, LENGTH, batch, answers)
    return batch, EXAMPLES.checked(pd.concat(examples(CELL, task, LENGTH, batch, answers, tests)))


def test_an_example_shows_the_sequence_its_sources_and_both_answers() -> None:
    batch, rows = shown()
    for row in rows.to_dict("records"):
        sequence, back = row["sequence"], row["dependency_length"]
        words = [("x", "y", "a␣space")[token] for token in batch.tokens[sequence]]
        marks = [0] * (LENGTH - 1) + [back]
        assert row["tokens"].split() == [f"{word}/{mark}" for word, mark in zip(words, marks, strict=True)]
        assert row["sources"] == [LENGTH - 1 - back]
        assert row["answer"] == "XYZ"[batch.tokens[sequence, -1 - back]]
        assert row["prediction"] == "XYZ"[batch.tokens[sequence, -2]]


def test_after_a_change_of_the_source_the_right_answer_and_that_of_the_model_are_shown() -> None:
    rows = shown()[1]
    assert (rows["changed_answer"] != rows["answer"]).all()
    near = rows["dependency_length"] == 1
    assert (rows["changed_prediction"] == rows["changed_answer"])[near].all()
    assert (rows["changed_prediction"] == rows["prediction"])[~near].all()
    assert near.any()
    assert not near.all()


def test_a_task_without_interventions_has_examples_without_a_change() -> None:
    rows = shown(changes=False)[1]
    assert len(rows) == EXAMPLES_OF_A_TEST
    assert set(rows["changed_answer"]) == set(rows["changed_prediction"]) == {""}


@pytest.mark.parametrize("changes", [True, False])
def test_examples_are_spread_over_distances_and_no_place_is_shown_twice(*, changes: bool) -> None:
    rows = shown(changes=changes)[1]
    assert len(rows) == EXAMPLES_OF_A_TEST
    assert not rows.duplicated(["sequence", "position"]).any()
    # Over four of five predictions are at distance 1, and two of a hundred at distance 8.
    assert (rows["dependency_length"] == 1).mean() < 0.6
    assert (rows["dependency_length"] == 8).sum() >= 2


def test_the_same_cell_has_the_same_examples() -> None:
    pd.testing.assert_frame_equal(shown()[1], shown()[1])
