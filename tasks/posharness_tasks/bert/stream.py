"""The text of one split as a stream of tokens that never ends, to fill sequences of any length from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import pad

from posharness.contracts import Split
from posharness_tasks.bert.encoded import SPLITS, Encoded

__all__ = ["Stream"]


@dataclass(frozen=True, slots=True)
class Stream:
    """The sentences of a split in the order of the text, with one separator after each document.

    After the last document comes the first one again. *Offsets* count the tokens and separators, *ranks* the
    sentences; both go on in the next lap: with `size` offsets and p sentences in a lap, the offset `size` + o
    is the place of o, and the rank p + r that of r. Arguments may be of any lap and shape.

    Attributes:
        tokens: the ids of the whole corpus.
        sources: index in `tokens` at which each sentence starts.
        starts: offset at which each sentence starts.
        ends: offset after each sentence; a separator may stand there.
        documents: rank of the first sentence of each document; the last entry is p.
        continuing: ranks of the sentences that are not the first of their document.
        size: offsets in a lap, t.
    """

    tokens: Int[Tensor, " corpus"]
    sources: Int[Tensor, " p"]
    starts: Int[Tensor, " p"]
    ends: Int[Tensor, " p"]
    documents: Int[Tensor, " document_bounds"]
    continuing: Int[Tensor, " c"]
    size: int

    @classmethod
    def of(cls, text: Encoded, split: Split, *, without_known: bool = False) -> Stream:
        """The stream of a split.

        Args:
            without_known: leave out the sentences that stand in the training split too.
        """
        inside = text.split == SPLITS.index(split)
        sentences = text.documents.diff()
        owner = torch.repeat_interleave(torch.arange(len(sentences)), sentences)
        kept = inside[owner] & ~(text.known & without_known)
        places = kept.nonzero().squeeze(1)
        owner = owner[places]
        first = pad(owner.diff() != 0, (1, 0), value=True)[: len(owner)]
        lengths = text.sentences[places + 1] - text.sentences[places]
        last = first.roll(-1)  # a document ends where the next one, or the next lap, starts
        bounds = pad((lengths + last).cumsum(0), (1, 0))
        return cls(
            tokens=text.tokens,
            sources=text.sentences[places],
            starts=bounds[:-1],
            ends=bounds[:-1] + lengths,
            documents=torch.cat([first.nonzero().squeeze(1), torch.tensor([len(places)])]),
            continuing=(~first).nonzero().squeeze(1),
            size=int(bounds[-1]),
        )

    @property
    def sentences(self) -> int:
        """Number of sentences in a lap, p."""
        return len(self.sources)

    def start(self, rank: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The offset at which a sentence starts."""
        lap, rank = self._lap(rank, self.sentences)
        return self.starts[rank] + lap * self.size

    def end(self, rank: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The offset after a sentence."""
        lap, rank = self._lap(rank, self.sentences)
        return self.ends[rank] + lap * self.size

    def reaching(self, offset: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The first sentence that ends at an offset or beyond."""
        lap, offset = self._lap(offset, self.size)
        return torch.searchsorted(self.ends, offset) + lap * self.sentences

    def starting(self, offset: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The last sentence that starts at an offset or before."""
        lap, offset = self._lap(offset, self.size)
        return torch.searchsorted(self.starts, offset, right=True) - 1 + lap * self.sentences

    def document(self, rank: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The document of a sentence; documents too are counted on in the next lap."""
        lap, rank = self._lap(rank, self.sentences)
        return torch.searchsorted(self.documents, rank, right=True) - 1 + lap * (len(self.documents) - 1)

    def first(self, document: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The first sentence of a document."""
        lap, document = self._lap(document, len(self.documents) - 1)
        return self.documents[document] + lap * self.sentences

    def continuing_before(self, rank: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The number of sentences before this one that are not the first of their document."""
        lap, rank = self._lap(rank, self.sentences)
        return torch.searchsorted(self.continuing, rank) + lap * len(self.continuing)

    def nth_continuing(self, number: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        """The sentence with that number, from 0, among those that are not the first of their document."""
        lap, number = self._lap(number, len(self.continuing))
        return self.continuing[number] + lap * self.sentences

    def read(self, offset: Int[Tensor, "*n"]) -> tuple[Int[Tensor, "*n"], Bool[Tensor, "*n"]]:
        """The tokens at offsets, and where a separator stands instead."""
        _, offset = self._lap(offset, self.size)
        rank = torch.searchsorted(self.starts, offset, right=True) - 1
        between = offset >= self.ends[rank]
        source = self.sources[rank] + offset - self.starts[rank]
        return self.tokens[source.where(~between, 0)].long(), between

    @staticmethod
    def _lap(number: Int[Tensor, "*n"], size: int) -> tuple[Int[Tensor, "*n"], Int[Tensor, "*n"]]:
        lap = number.div(size, rounding_mode="floor")
        return lap, number - lap * size
