"""Shared by the tests of sequence-to-sequence tasks: interventions on a memory, and tests of draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from posharness.contracts import Batch
from posharness_tasks._seq2seq import Seq2Seq

from .interventions import RARE, seeded

T = TypeVar("T", bound=Seq2Seq)


def memory_and_source(batch: Batch) -> tuple[Tensor, Tensor]:
    """The memory and the sources of a batch."""
    assert batch.memory is not None
    assert batch.source is not None
    return batch.memory, batch.source


def check_sources_in_memory(task: Seq2Seq, batch: Batch) -> None:
    """The source of each prediction is the position of its word in the memory."""
    memory, source = memory_and_source(batch)
    row, position = batch.scored.nonzero(as_tuple=True)
    where = source[row, position, 0]
    assert torch.equal(memory[row, where] - task.first_word, batch.targets[row, position])


def check_frame(task: Seq2Seq, batch: Batch, length: int) -> None:
    """The decoder reads the start mark and what it emitted; the memory has words and two brackets."""
    memory, _ = memory_and_source(batch)
    assert memory.shape == (len(batch.tokens), length)
    assert batch.tokens.shape[1] == task.decoder_length(length) == len(task.order)
    assert (batch.tokens[:, 0] == task.start).all()
    assert torch.equal(batch.tokens[:, 1:], batch.targets[:, :-1])
    for tokens in memory.tolist():
        assert tokens.count(task.opening) == tokens.count(task.closing) == 1
        assert tokens.index(task.closing) == tokens.index(task.opening) + len(task.order) + 1
        words = set(range(task.first_word, task.first_word + task.words))
        assert set(tokens) <= {*words, task.opening, task.closing}


def check_sources(
    task: T,
    batch: Batch,
    solve: Callable[[T, Batch], Tensor],
    others: Callable[[T, Tensor], Tensor],
) -> None:
    """The answer changes with the word at its source, and with no other word of the memory.

    Args:
        others: a word that the grammar admits in the place of each word of a memory, (b, m).
    """
    memory, source = memory_and_source(batch)
    for t in range(batch.tokens.shape[1]):
        scored = batch.scored[:, t]
        read, place = memory[scored], source[scored, t, :1]  # s m, s 1
        bracket = (read == task.opening) | (read == task.closing)
        kept = torch.where(bracket, read, others(task, read))
        same = kept.scatter(1, place, read.gather(1, place))
        changed = read.scatter(1, place, _another(task, read, place, others))
        for alike, now in ((True, same), (False, changed)):
            asked = replace(_rows(batch, scored), memory=now)
            assert ((solve(task, asked)[:, t] == batch.targets[scored, t]) == alike).all()


def _rows(batch: Batch, which: Tensor) -> Batch:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return Batch(**{name: value[which] for name, value in values.items() if value is not None})


def _another(task: T, memory: Tensor, place: Tensor, others: Callable[[T, Tensor], Tensor]) -> Tensor:
    """A different word for the one at a place, (b, 1)."""
    old = memory.gather(1, place)
    new = old
    while (same := new == old).any():
        new = torch.where(same, others(task, memory).gather(1, place), new)
    return new


def check_draws(task: Seq2Seq, length: int, *, possible: int) -> None:
    """At each position every distance is as likely, and so is every answer, whatever else the memory holds.

    Args:
        possible: how many answers there are at each position.
    """
    batch = task.sample(seeded(0), 12_000, length, "train")
    memory, _ = memory_and_source(batch)
    ladder = torch.tensor(task.distances(length))
    chance = 1 / possible
    counts = torch.stack([(memory == word + task.first_word).sum(1) for word in range(task.words)], 1)
    for t in range(batch.tokens.shape[1]):
        rows = batch.scored[:, t]
        which = (batch.dependency_length[rows, t][:, None] == ladder).nonzero()[:, 1]
        assert len(which) == int(rows.sum())
        assert chisquare(which.bincount(minlength=len(ladder))).pvalue > RARE
        targets = batch.targets[rows, t]
        answers = targets.unique()
        assert len(answers) == possible
        assert chisquare(targets.bincount()[answers]).pvalue > RARE
        # The word that the rest of a memory holds most of is right as often as any: counts tell nothing.
        rest = counts[rows] - torch.nn.functional.one_hot(targets, task.words)
        commonest = answers[rest[:, answers].argmax(1)]
        error = (chance * (1 - chance) / len(targets)) ** 0.5
        assert float((commonest == targets).float().mean()) == pytest.approx(chance, abs=4 * error)
