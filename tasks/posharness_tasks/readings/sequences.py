"""Packs running text into sequences and draws the target tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import MaskedModel
from posharness_tasks.readings.batching import with_special_tokens, word_pieces

__all__ = ["STRATA", "Packed", "Targets", "draw_targets", "pack_sequences"]

STRATA = ("frequent token", "rare token", "piece of a word")
_FREQUENT, _RARE, _PIECE = range(3)


@dataclass(frozen=True, slots=True)
class Packed:
    """A sequence: [CLS] consecutive sentences of one document [SEP].

    Attributes:
        whole: True where the token is a whole word; False on the two special tokens.
    """

    tokens: Int[Tensor, " n"]
    whole: Bool[Tensor, " n"]


@dataclass(frozen=True, slots=True)
class Targets:
    """The m tokens that are asked, one at a time, in the order of the text.

    Attributes:
        texts: the sequences that they are in.
        sequence, position: the index of the sequence, and the position in it.
        token: the token ids.
        stratum: index into `STRATA`.
        kinds: every token id of the text, once.
    """

    texts: Sequence[Packed]
    sequence: Int[Tensor, " m"]
    position: Int[Tensor, " m"]
    token: Int[Tensor, " m"]
    stratum: Int[Tensor, " m"]
    kinds: Int[Tensor, " kinds"]

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " n"], int, int]]:
        """For each target, the tokens of its sequence, its position and its token id."""
        where = zip(self.sequence.tolist(), self.position.tolist(), self.token.tolist(), strict=True)
        for sequence, position, token in where:
            yield self.texts[sequence].tokens, position, token


def pack_sequences(model: MaskedModel, document: Sequence[Sequence[str]], length: int) -> Iterator[Packed]:
    """Sequences of consecutive sentences of a document, of at most `length` tokens.

    A sentence that does not fit begins a new sequence, and one longer than a sequence is cut.
    """
    room = length - 2
    pieces: list[int] = []
    whole: list[bool] = []
    for words in word_pieces(model, document):
        sentence = [piece for word in words for piece in word]
        alone = [len(word) == 1 for word in words for _ in word]
        if len(pieces) + len(sentence) > room and pieces:
            yield _packed(model, pieces, whole)
            pieces, whole = [], []
        while len(sentence) > room:
            yield _packed(model, sentence[:room], alone[:room])
            sentence, alone = sentence[room:], alone[room:]
        pieces, whole = pieces + sentence, whole + alone
    if pieces:
        yield _packed(model, pieces, whole)


def draw_targets(
    model: MaskedModel, texts: Sequence[Packed], count: int, generator: torch.Generator
) -> Targets:
    """Draw `count` of all tokens uniformly, without replacement, or take all.

    Masks that replace a word which the tokenizer drops are not drawn.
    """
    tokens = torch.cat([text.tokens[1:-1] for text in texts])
    whole = torch.cat([text.whole[1:-1] for text in texts])
    sizes = torch.tensor([len(text.tokens) - 2 for text in texts])
    sequence = torch.arange(len(texts)).repeat_interleave(sizes)
    begin = (sizes.cumsum(0) - sizes)[sequence]
    known = (tokens != model.mask).nonzero()[:, 0]
    drawn = known[torch.randperm(len(known), generator=generator)[:count]].sort().values
    counts = tokens[known].bincount(minlength=model.vocabulary)
    single = torch.where(_frequent(counts)[tokens], _FREQUENT, _RARE)
    return Targets(
        texts=texts,
        sequence=sequence[drawn],
        position=drawn - begin[drawn] + 1,
        token=tokens[drawn],
        stratum=torch.where(whole, single, _PIECE)[drawn],
        kinds=counts.nonzero()[:, 0],
    )


def _packed(model: MaskedModel, pieces: Sequence[int], whole: Sequence[bool]) -> Packed:
    return Packed(with_special_tokens(model, pieces), torch.tensor([False, *whole, False]))


def _frequent(counts: Int[Tensor, " vocabulary"]) -> Bool[Tensor, " vocabulary"]:
    """True for the smallest set of token ids that makes up half of the text."""
    ranked = counts.argsort(descending=True, stable=True)
    before = counts[ranked].cumsum(0) - counts[ranked]
    frequent = torch.zeros(len(counts), dtype=torch.bool)
    frequent[ranked[before * 2 < counts.sum()]] = True
    return frequent
