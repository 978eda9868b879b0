"""The test under interventions: outcomes of models that look at the source, elsewhere, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import Batch, Body, Change, Objective, Split, Task
from posharness.contracts.cell import Budget, Cell, Choice
from posharness.contracts.columns import INTERVENTIONS
from posharness.model import Model
from posharness.training.batches import evaluation_batch
from posharness.training.interventions import intervened, interventions
from posharness.training.predictions import predictions
from posharness.training.scoring import score

FAR, NEAR, SYMBOLS = 3, 1, 5


class Back(Task):
    """Emit the symbol three back, in the last two positions of six."""

    name = "back"
    bodies = ("decoder",)
    autoregressive = True

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = 6, (6,), SYMBOLS
        self.objectives = (Objective("back", SYMBOLS, 1 / SYMBOLS),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        return self.answered(torch.randint(SYMBOLS, (n, length), generator=generator))

    def answered(self, tokens: Tensor) -> Batch:
        tokens = tokens.clone()
        tokens[:, -1] = tokens[:, -2 - FAR]  # what was emitted before
        scored = (torch.arange(6) >= 4).expand(tokens.shape)
        rates = {name: torch.full(tokens.shape, rate) for name, rate in (("chance", 0.25), ("blind", 0.5))}
        distance = torch.where(scored, FAR, -1)
        return Batch(tokens, tokens.roll(FAR, 1), scored, distance, **rates)

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        where = 1 if what == "source" else 0
        tokens = batch.tokens.clone()
        tokens[:, where] = (tokens[:, where] + 1) % SYMBOLS
        about = torch.arange(6) == 4
        return replace(self.answered(tokens), scored=batch.scored & about)


class Rule(Model):
    """A model that answers by a rule."""

    def __init__(self, rule: Callable[[Tensor], Tensor]) -> None:
        nn.Module.__init__(self)  # a model without a body
        self.rule = rule
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch, generator: torch.Generator) -> Tensor:
        return nn.functional.one_hot(self.rule(batch.tokens), SYMBOLS).float()

    def scored(self, batch: Batch, generator: torch.Generator) -> Tensor:
        hidden: Tensor = self(batch, generator)[batch.scored]
        return hidden

    def logits(self, hidden: Tensor, objective: int) -> Tensor:
        return hidden


CELL = Cell(
    encoding=Choice(name="none"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="back"),
    budget=Budget(test_sequences=50, intervention_sequences=40),
)


def answers(rule: Callable[[Tensor], Tensor], cell: Cell = CELL) -> pd.DataFrame:
    task, model = Back("decoder"), Rule(rule)
    batch = evaluation_batch(cell, task, 6)
    before = score(model, batch, 1, ("test",), fed_back=True)
    tests = intervened(cell, model, task, 6, batch, before)
    return INTERVENTIONS.checked(pd.concat(interventions(task, 6, batch, tests)))


def shares(rows: pd.DataFrame, change: str, decoding: str = "teacher-forced") -> dict[str, float]:
    own = rows[(rows["change"] == change) & (rows["decoding"] == decoding)]
    found: dict[str, float] = own["outcome"].value_counts(normalize=True).to_dict()
    return {outcome: share for outcome, share in found.items() if share}


@pytest.mark.parametrize("decoding", ["teacher-forced", "free-running"])
def test_a_model_that_looks_at_the_source_follows_it(decoding: str) -> None:
    rows = answers(lambda tokens: tokens.roll(FAR, 1))
    assert shares(rows, "source", decoding) == {"followed": 1}
    assert shares(rows, "others", decoding) == {"followed": 1}


def test_a_model_that_does_not_look_at_the_source_keeps_its_answer() -> None:
    rows = answers(lambda tokens: 0 * tokens)
    source = shares(rows, "source")
    assert source.keys() == {"followed", "kept"}
    assert source["kept"] == pytest.approx(0.8, abs=0.15)  # elsewhere the new answer is its constant
    assert shares(rows, "others").keys() == {"followed", "kept"}


def test_an_answer_that_is_neither_the_old_nor_the_new_one_broke() -> None:
    assert shares(answers(lambda tokens: (2 * tokens.roll(FAR, 1)) % SYMBOLS), "source")["broke"] > 0.5


def test_a_model_that_looks_elsewhere_breaks_when_the_others_change() -> None:
    rows = answers(lambda tokens: tokens[:, :1].expand_as(tokens))
    assert shares(rows, "others").get("kept", 0) == 0
    assert shares(rows, "source")["kept"] > 0.5


def test_rows_are_those_of_the_first_test_sequences_and_of_what_the_task_marks() -> None:
    rows = answers(lambda tokens: tokens.roll(FAR, 1))
    assert len(rows) == 2 * 2 * 40
    assert set(rows["position"]) == {4}
    assert set(rows["sequence"]) == set(range(40))
    assert set(rows["dependency_length"]) == {FAR}
    few = CELL.model_copy(update={"budget": CELL.budget.model_copy(update={"test_sequences": 7})})
    assert set(answers(lambda tokens: tokens, few)["sequence"]) == set(range(7))


def test_the_same_cell_gives_the_same_rows() -> None:
    one, other = (answers(lambda tokens: tokens.roll(NEAR, 1)) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_predictions_have_the_rates_that_a_batch_gives() -> None:
    task = Back("decoder")
    batch = evaluation_batch(CELL, task, 6)
    found = score(Rule(lambda tokens: tokens), batch, 1, ("test",))[0]
    given = predictions(task, 0, 6, batch, found)
    assert (set(given["chance"]), set(given["blind"])) == ({0.25}, {0.5})
    without = predictions(task, 0, 6, replace(batch, blind=None), found)
    assert (set(without["chance"]), set(without["blind"])) == ({0.25}, {0.25})
    neither = predictions(task, 0, 6, replace(batch, blind=None, chance=None), found)
    assert set(neither["chance"]) == set(neither["blind"])
    assert neither["chance"].iloc[0] == pytest.approx(1 / SYMBOLS)
