"""Runs token sequences through a model in batches of one length."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posharness.contracts import MaskedModel, UserError

__all__ = [
    "Progress",
    "even_batches",
    "longest",
    "masked_log_probs",
    "subprogress",
    "with_special_tokens",
    "word_pieces",
]

Progress = Callable[[int, int], None]

_TOKENS = 8192
"""In one forward pass."""
_SHORTEST = 8


def longest(model: MaskedModel, wanted: int = sys.maxsize) -> int:
    """The longest sequence that the model reads, in tokens, but at most `wanted`.

    Raises:
        UserError: it is too short for a sentence.
    """
    length = wanted if model.max_length is None else min(wanted, model.max_length)
    if length < _SHORTEST:
        raise UserError(
            f"sequences of {length} tokens are too short for text: choose a length, and a model that reads, "
            f"{_SHORTEST} tokens or more."
        )
    return length


def word_pieces(model: MaskedModel, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
    """The token ids of each word of each sentence; one mask token for a word that the tokenizer drops."""
    return [[pieces or [model.mask] for pieces in sentence] for sentence in model.pieces(sentences)]


def with_special_tokens(model: MaskedModel, pieces: Sequence[int]) -> Int[Tensor, " n"]:
    """[CLS] pieces [SEP]."""
    return torch.tensor([model.cls, *pieces, model.sep])


def even_batches(
    rows: Sequence[Int[Tensor, " _n"]], report_progress: Progress
) -> Iterator[tuple[list[int], Int[Tensor, "b n"]]]:
    """Batches of sequences of one length, shortest first.

    Padding would change the states of architectures that do not mask it everywhere, such as FNet.

    Args:
        report_progress: called with the number of sequences that are done, and of all.

    Yields:
        the indices of the rows in the batch, and their tokens.
    """
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    done = 0
    for length, group in groupby(order, key=lambda row: len(rows[row])):
        while batch := list(islice(group, max(1, _TOKENS // length))):
            yield batch, torch.stack([rows[row] for row in batch])
            done += len(batch)
            report_progress(done, len(order))


def masked_log_probs(
    model: MaskedModel,
    rows: Sequence[Int[Tensor, " _n"]],
    asked: Int[Tensor, "m k"],
    report_progress: Progress,
) -> Iterator[tuple[Int[Tensor, " b"], Float[Tensor, "b k vocabulary"]]]:
    """The model's predictions at the asked positions of each row, in batches.

    Args:
        asked: k positions in each of the m rows.

    Yields:
        the indices of the rows, and the natural logarithms of the probabilities.
    """
    for batch, tokens in even_batches(rows, report_progress):
        states = model.states(tokens)
        index = torch.tensor(batch)
        here = states[torch.arange(len(batch))[:, None], asked[index]]  # b k width
        logits = model.logits(here.flatten(0, 1)).float()
        yield index, logits.log_softmax(-1).view(*here.shape[:2], -1)


def subprogress(report_progress: Progress, begin: int, end: int, whole: int) -> Progress:
    """Maps the progress of one part onto its share of the whole, from `begin` to `end`."""
    return lambda done, total: report_progress(begin + (end - begin) * done // total, whole)
