"""Sentences with the states of their words, in the batches that train and test a probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from posharness.contracts import MaskedModel
from posharness_tasks.readings.batching import Progress, even_batches, with_special_tokens
from posharness_tasks.text.treebank import Sentence

__all__ = ["Parse", "ParseBatch", "batch_parses", "word_states"]

_WORDS = 512
"""In a batch, padding included."""


@dataclass(frozen=True, slots=True)
class Parse:
    """A sentence that the model reads.

    Attributes:
        number: number of the sentence in the treebank.
        pieces: the token ids of each word.
    """

    number: int
    sentence: Sentence
    pieces: Sequence[Sequence[int]]

    @property
    def scored(self) -> list[bool]:
        """Which words are asked for their head: all but punctuation, which its relation identifies."""
        return [word.relation.partition(":")[0] != "punct" for word in self.sentence.words]

    @property
    def length(self) -> int:
        """Number of tokens of [CLS] sentence [SEP]."""
        return sum(map(len, self.pieces)) + 2


@dataclass(frozen=True, slots=True)
class ParseBatch:
    """Sentences of up to w words, padded on the right.

    Attributes:
        states: the states of the words in each layer.
        words: False on padding.
        heads: the number of each word's head, from 1; 0 for the root and on padding.
        scored: which words are asked for their head; False on padding.
    """

    states: Float[Tensor, "b w l width"]
    words: Bool[Tensor, "b w"]
    heads: Int[Tensor, "b w"]
    scored: Bool[Tensor, "b w"]


def word_states(
    model: MaskedModel, parses: Sequence[Parse], report_progress: Progress
) -> dict[int, Float[Tensor, "_w l width"]]:
    """The states of the words of each sentence, by its number; a word's state is the mean over its pieces.

    Returns:
        the states of the embeddings and of every layer.
    """
    rows = [with_special_tokens(model, list(chain.from_iterable(parse.pieces))) for parse in parses]
    found: dict[int, Float[Tensor, "_w l width"]] = {}
    for batch, tokens in even_batches(rows, report_progress):
        layers = model.layers(tokens).float()  # l b n width
        for row, states in zip(batch, layers.permute(1, 2, 0, 3), strict=True):  # n l width
            sizes = torch.tensor([len(pieces) for pieces in parses[row].pieces])
            word = torch.arange(len(sizes)).repeat_interleave(sizes)
            sums = torch.zeros(len(sizes), *states.shape[1:]).index_add(0, word, states[1 : len(word) + 1])
            found[parses[row].number] = sums / sizes[:, None, None]
    return found


def batch_parses(parses: Sequence[Parse], states: dict[int, Float[Tensor, "_w l width"]]) -> list[ParseBatch]:
    """The sentences in their order, in batches; sort them by length to save padding."""
    groups: list[list[Parse]] = []
    widest = 0
    for parse in parses:
        widest = max(widest, len(parse.pieces))
        if not groups or (len(groups[-1]) + 1) * widest > _WORDS:
            groups.append([])
            widest = len(parse.pieces)
        groups[-1].append(parse)
    return [_batch(group, states) for group in groups]


def _batch(parses: Sequence[Parse], states: dict[int, Float[Tensor, "_w l width"]]) -> ParseBatch:
    def padded(rows: Sequence[Tensor]) -> Tensor:
        return pad_sequence(list(rows), batch_first=True)

    return ParseBatch(
        states=padded([states[parse.number] for parse in parses]),
        words=padded([torch.ones(len(parse.pieces), dtype=torch.bool) for parse in parses]),
        heads=padded([torch.tensor([word.head for word in parse.sentence.words]) for parse in parses]),
        scored=padded([torch.tensor(parse.scored) for parse in parses]),
    )
