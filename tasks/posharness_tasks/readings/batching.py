"""Runs token sequences through a model in batches of similar length."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts import MaskedModel, UserError

__all__ = [
    "Progress",
    "longest",
    "masked_log_probs",
    "padded_batches",
    "subprogress",
    "with_special_tokens",
    "word_pieces",
]

Progress = Callable[[int, int], None]

_TOKENS = 8192
"""In one forward pass, padding included."""
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


def padded_batches(
    model: MaskedModel, rows: Sequence[Int[Tensor, " _n"]], report_progress: Progress
) -> Iterator[tuple[list[int], Int[Tensor, "b n"], Bool[Tensor, "b n"] | None]]:
    """Batches of sequences of similar length, shortest first.

    Args:
        report_progress: called with the number of sequences that are done, and of all.

    Yields:
        the indices of the rows in the batch, their tokens, padded on the right, and where the padding is.
    """
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    done = 0
    while done < len(order):
        size = 1
        while done + size < len(order) and (size + 1) * len(rows[order[done + size]]) <= _TOKENS:
            size += 1
        batch = order[done : done + size]
        tokens = torch.nn.utils.rnn.pad_sequence(
            [rows[row] for row in batch], batch_first=True, padding_value=model.pad
        )
        sizes = torch.tensor([len(rows[row]) for row in batch])
        padding = torch.arange(tokens.shape[1]) >= sizes[:, None]
        yield batch, tokens, padding if padding.any() else None
        done += size
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
    for batch, tokens, padding in padded_batches(model, rows, report_progress):
        states = model.states(tokens, padding)
        index = torch.tensor(batch)
        here = states[torch.arange(len(batch))[:, None], asked[index]]  # b k width
        logits = model.logits(here.flatten(0, 1)).float()
        yield index, logits.log_softmax(-1).view(*here.shape[:2], -1)


def subprogress(report_progress: Progress, begin: int, end: int, whole: int) -> Progress:
    """Maps the progress of one part onto its share of the whole, from `begin` to `end`."""
    return lambda done, total: report_progress(begin + (end - begin) * done // total, whole)
