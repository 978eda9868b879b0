"""Sequences of running text: one part, or a pair for next-sentence prediction (1810.04805, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness_tasks.bert.stream import Stream
from posharness_tasks.bert.vocabulary import CLS, PAD, SEP

__all__ = ["SHORTEST", "Negatives", "Pairs", "Spans", "draw_pairs", "draw_spans", "truncated"]

Negatives = Literal["random", "order", "both", "none"]
SHORTEST = 5
"""Tokens of the shortest sequence: [CLS], [SEP], [SEP] and one token on either side."""
_SHORT = 0.1
_NEGATIVE = 0.5
_SWAPPED: dict[Negatives, float] = {"random": 0.0, "order": _NEGATIVE, "both": _NEGATIVE / 2}


@dataclass(frozen=True, slots=True)
class Spans:
    """The two parts of b sequences, as offsets in a `Stream`.

    Attributes:
        start_a, end_a: the offsets of A's first token, and after its last.
        start_b, end_b: the same for B; None where sequences have a single part.
        random: whether B comes from another document.
        swapped: whether B precedes A in the text.
        alone: whether no sentence of the run follows another one of its document, so that B must be random.
    """

    start_a: Int[Tensor, " b"]
    end_a: Int[Tensor, " b"]
    start_b: Int[Tensor, " b"] | None
    end_b: Int[Tensor, " b"] | None
    random: Bool[Tensor, " b"]
    swapped: Bool[Tensor, " b"]
    alone: Bool[Tensor, " b"]

    @property
    def wrong(self) -> Bool[Tensor, " b"]:
        """Whether B does not follow A."""
        return self.random | self.swapped

    @property
    def tokens(self) -> Int[Tensor, " b"]:
        """Tokens of each sequence, the special ones included, padding not."""
        one = self.end_a - self.start_a + 2
        return one if self.start_b is None or self.end_b is None else one + self.end_b - self.start_b + 1


@dataclass(frozen=True, slots=True)
class Pairs:
    """`[CLS] A [SEP] B [SEP]`, or `[CLS] A [SEP]`, and padding on the right. Each tensor is (b, n) but two.

    Attributes:
        segments: 0 up to the first [SEP] that ends A, then 1; 0 on padding.
        words: True on the tokens of A and B; not on special tokens, also those between documents.
        random: (b,) as in `Spans`.
        swapped: (b,) as in `Spans`.
    """

    tokens: Int[Tensor, "b n"]
    padding: Bool[Tensor, "b n"]
    segments: Int[Tensor, "b n"]
    words: Bool[Tensor, "b n"]
    random: Bool[Tensor, " b"]
    swapped: Bool[Tensor, " b"]


def draw_pairs(
    generator: torch.Generator, n: int, length: int, stream: Stream, negatives: Negatives = "random"
) -> Pairs:
    """Draw `n` sequences that fill `length` tokens; see `draw_spans`.

    Where a part goes on into the next document, [SEP] stands between the two, as in the FULL-SENTENCES of
    RoBERTa (1907.11692, section 4.2), and attention crosses it.
    """
    spans = draw_spans(generator, n, length, stream, negatives)
    return _assemble(stream, spans, length)


def draw_spans(
    generator: torch.Generator, n: int, length: int, stream: Stream, negatives: Negatives
) -> Spans:
    """Draw which text `n` sequences of `length` tokens hold.

    Pairs: a run of sentences starts at a uniformly drawn one and fills the target, which is `length` minus
    the special tokens or, with probability .1, a uniformly drawn shorter one. It goes on into the documents
    that follow in the corpus. It is cut at a uniformly drawn sentence that has the sentence before it in its
    own document: A ends before the cut, and B starts there, so that B follows A in the text. With
    probability .5, or if there is no such sentence, B is instead text of the same length from other documents
    than A's: it starts at a uniformly drawn sentence from which there is as much text before A's documents
    come again. While the two are too long, the longer one loses a token at a random end.

    Wrong pairs may be harder, such that their topic gives no information: with `negatives` "order", A and B
    are swapped with probability .5 (1909.11942, section 3.1); with "both", half of the wrong pairs are
    swapped. If there is nothing to cut at, nothing can be swapped, and B is random in any case.

    With "none" there is a single part, `length` − 2 tokens from a uniformly drawn sentence on, and no shorter
    ones (1907.11692, 2212.14034).

    No part holds a place of the text twice: in a split that is shorter than a sequence, sequences are
    shorter.

    Departures from the original code: parts do not end with their document, since most documents are shorter
    than a long sequence; runs start at a uniformly drawn sentence instead of where the last one ended, so
    that draws are independent; and the other place is drawn from sentences, not documents, so that random
    pairs are not shorter than true ones.
    """
    if negatives == "none":
        return _single(generator, n, length, stream)
    room = length - 3  # [CLS] and two [SEP]
    # One row of uniform draws for each decision.
    u = torch.rand(6, n, generator=generator, dtype=torch.float64)
    target = torch.where(u[0] < _SHORT, 2 + _floor(u[1], room - 1), room)

    first = _floor(u[2], stream.sentences)
    start_a = stream.start(first)
    last = torch.minimum(stream.reaching(start_a + target), first + stream.sentences - 1)
    before = stream.continuing_before(first + 1)
    places = stream.continuing_before(last + 1) - before
    alone = places == 0
    cut = first + 1 + _floor(u[3], last - first)
    if len(stream.continuing):
        cut = torch.where(alone, cut, stream.nth_continuing(before + _floor(u[3], places)))
    is_swapped = ~alone & (u[4] < _SWAPPED[negatives])
    is_random = ~is_swapped & (alone | (u[4] < _NEGATIVE))

    cut = torch.where(is_random, _leaving_room(stream, first, cut, target), cut)
    end_a = stream.end(cut - 1)
    start_other, end_other = _elsewhere(stream, first, cut, target - (end_a - start_a), u[5])
    start_b = torch.where(is_random, start_other, stream.start(cut))
    end_b = torch.where(is_random, end_other, stream.end(last))
    start_a, start_b = torch.where(is_swapped, start_b, start_a), torch.where(is_swapped, start_a, start_b)
    end_a, end_b = torch.where(is_swapped, end_b, end_a), torch.where(is_swapped, end_a, end_b)

    length_a, length_b = truncated(end_a - start_a, end_b - start_b, target)
    start_a = start_a + _front(end_a - start_a - length_a, generator)
    start_b = start_b + _front(end_b - start_b - length_b, generator)
    return Spans(start_a, start_a + length_a, start_b, start_b + length_b, is_random, is_swapped, alone)


def _single(generator: torch.Generator, n: int, length: int, stream: Stream) -> Spans:
    u = torch.rand(n, generator=generator, dtype=torch.float64)
    start = stream.start(_floor(u, stream.sentences))
    never = torch.zeros(n, dtype=torch.bool)
    return Spans(start, start + min(length - 2, stream.size - 1), None, None, never, never, never)


def _leaving_room(
    stream: Stream, first: Int[Tensor, " b"], cut: Int[Tensor, " b"], target: Int[Tensor, " b"]
) -> Int[Tensor, " b"]:
    """The cut; after A's first document at the latest where other documents are not long enough for B."""
    own, other = stream.document(first), stream.document(cut - 1) + 1
    outside = stream.start(stream.first(own)) + stream.size - stream.start(stream.first(other))
    needed = target - (stream.end(cut - 1) - stream.start(first))
    return torch.where(outside < needed, torch.minimum(cut, stream.first(own + 1)), cut)


def _elsewhere(
    stream: Stream,
    first: Int[Tensor, " b"],
    cut: Int[Tensor, " b"],
    needed: Int[Tensor, " b"],
    u: Float[Tensor, " b"],
) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
    """The offsets of a part of other documents than those of the sentences from `first` to before `cut`."""
    lowest = stream.first(stream.document(cut - 1) + 1)
    beyond = stream.first(stream.document(first)) + stream.sentences  # A's first document, a lap later
    needed = needed.clamp(min=1)
    highest = torch.minimum(stream.starting(stream.start(beyond) - 1 - needed), beyond - 1)
    place = lowest + _floor(u, (highest - lowest).clamp(min=0) + 1)
    last = torch.minimum(stream.reaching(stream.start(place) + needed), beyond - 1)
    return stream.start(place), stream.end(last)


def _floor(u: Float[Tensor, " b"], count: Int[Tensor, " b"] | int) -> Int[Tensor, " b"]:
    """A uniform integer below `count`, from a uniform draw in [0, 1)."""
    return (u * count).long()


def truncated(
    a: Int[Tensor, " b"], b: Int[Tensor, " b"], target: Int[Tensor, " b"]
) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
    """The lengths that remain when the longer one (B if equal) loses a token until both fit.

    Only the longer one shrinks until they are equal, and from there they shrink in turn.
    """
    half = target // 2
    new_a = torch.where(b <= half, torch.minimum(a, target - b), torch.minimum(a, target - half))
    new_b = torch.minimum(b, target - new_a)
    return new_a, new_b


def _front(lost: Int[Tensor, " b"], generator: torch.Generator) -> Int[Tensor, " b"]:
    """How many of the lost tokens were at the front: each token is lost at either end with probability ½."""
    return torch.binomial(lost.double(), torch.full(lost.shape, 0.5).double(), generator=generator).long()


def _assemble(stream: Stream, spans: Spans, length: int) -> Pairs:
    place = torch.arange(length).expand(len(spans.start_a), length)
    end_a = (spans.end_a - spans.start_a + 1)[:, None]  # of A: the position of [SEP]
    in_a = (place > 0) & (place < end_a)
    offset = spans.start_a[:, None] + place - 1
    last, in_b = end_a, torch.zeros_like(in_a)
    if spans.start_b is not None and spans.end_b is not None:
        last = end_a + (spans.end_b - spans.start_b + 1)[:, None]
        in_b = (place > end_a) & (place < last)
        offset = torch.where(in_b, spans.start_b[:, None] + place - end_a - 1, offset)
    inside = in_a | in_b
    tokens, between = stream.read(offset.where(inside, 0))
    tokens = torch.where(inside, tokens, PAD)
    tokens[(place == end_a) | (place == last) | (inside & between)] = SEP
    tokens[:, 0] = CLS
    return Pairs(
        tokens=tokens,
        padding=place > last,
        segments=((place > end_a) & (place <= last)).long(),
        words=inside & ~between,
        random=spans.random,
        swapped=spans.swapped,
    )
