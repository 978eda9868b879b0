"""Pairs of sentence runs for next-sentence prediction, drawn many at a time (1810.04805, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness_tasks.bert.encoded import Encoded
from posharness_tasks.bert.vocabulary import CLS, PAD, SEP

__all__ = ["SHORTEST", "Negatives", "Pairs", "Part", "draw_pairs", "negative_rate", "truncated"]

Negatives = Literal["random", "order", "both", "none"]
SPECIALS = 3
SHORTEST = SPECIALS + 2
"""Tokens of the shortest sequence: [CLS], [SEP], [SEP] and one token on either side."""
_SHORT = 0.1
_NEGATIVE = 0.5
_SWAPPED: dict[Negatives, float] = {"random": 0.0, "order": _NEGATIVE, "both": _NEGATIVE / 2, "none": 0.0}


@dataclass(frozen=True, slots=True)
class Part:
    """One split of an encoded corpus; p sentences.

    Attributes:
        places: the split's sentences, ascending; a run may start at each of them.
    """

    text: Encoded
    places: Int[Tensor, " p"]

    @classmethod
    def of(cls, text: Encoded, split: int) -> Part:
        sentences = text.documents.diff()
        return cls(text, torch.repeat_interleave(text.split == split, sentences).nonzero().squeeze(1))


@dataclass(frozen=True, slots=True)
class Pairs:
    """`[CLS] A [SEP] B [SEP]` and padding on the right. Each tensor is (b, n) unless stated otherwise.

    Attributes:
        segments: 0 up to the first [SEP], then 1; 0 on padding.
        words: True on the tokens of A and B.
        random: (b,) whether B comes from another document.
        swapped: (b,) whether B precedes A in the text.
    """

    tokens: Int[Tensor, "b n"]
    padding: Bool[Tensor, "b n"]
    segments: Int[Tensor, "b n"]
    words: Bool[Tensor, "b n"]
    random: Bool[Tensor, " b"]
    swapped: Bool[Tensor, " b"]


def draw_pairs(
    generator: torch.Generator, n: int, length: int, part: Part, negatives: Negatives = "random"
) -> Pairs:
    """Draw `n` pairs that fill `length` tokens as far as their documents allow.

    A run of consecutive sentences fills the target, which is `length` minus the special tokens or, with
    probability .1, a uniformly drawn shorter one. A is a random prefix of its sentences, B the rest. With
    probability .5, or if only one sentence is left, B starts at a random sentence of another document
    instead. While the two are too long, the longer one loses a token at a random end.

    Wrong pairs may be harder, such that their topic gives no information: with `negatives` "order", A and B
    are swapped with probability .5 (1909.11942, section 3.1); with "both", half of the wrong pairs are
    swapped. With "none" there are no wrong pairs. If only one sentence is left, nothing can be swapped, and B
    comes from another document in any case.

    Departures from the original code: runs start at a uniformly drawn sentence instead of where the last one
    ended, so that draws are independent; and the other document is drawn in proportion to its number of
    sentences, so that random pairs are not shorter than true ones.
    """
    text = part.text
    room = length - SPECIALS
    # One row of uniform draws for each decision.
    u = torch.rand(7, n, generator=generator, dtype=torch.float64)
    target = torch.where(u[0] < _SHORT, 2 + _floor(u[1], room - 1), room)

    rank = _floor(u[2], len(part.places))
    first = part.places[rank]
    document = torch.searchsorted(text.documents, first, right=True) - 1
    after = _run_end(text, first, target, document)
    alone = after - first == 1
    wrong = 0.0 if negatives == "none" else _NEGATIVE
    is_swapped = ~alone & (u[3] < _SWAPPED[negatives])
    is_random = ~is_swapped & (alone | (u[3] < wrong))
    cut = first + 1 + _floor(u[4], (after - first - 1).clamp(min=1))
    start_a, end_a = text.sentences[first], text.sentences[cut]

    # The other place: uniform over the split's sentences outside this document.
    own_start = text.documents[document]
    own = text.documents[document + 1] - own_start
    other_rank = _floor(u[5], len(part.places) - own)
    other_rank = other_rank + own * (other_rank >= rank - (first - own_start))
    other = part.places[other_rank]
    other_document = torch.searchsorted(text.documents, other, right=True) - 1
    other_after = _run_end(text, other, target - (end_a - start_a), other_document)
    start_b = text.sentences[torch.where(is_random, other, cut)]
    end_b = text.sentences[torch.where(is_random, other_after, after)]
    start_a, start_b = torch.where(is_swapped, start_b, start_a), torch.where(is_swapped, start_a, start_b)
    end_a, end_b = torch.where(is_swapped, end_b, end_a), torch.where(is_swapped, end_a, end_b)

    length_a, length_b = truncated(end_a - start_a, end_b - start_b, target)
    start_a = start_a + _front(end_a - start_a - length_a, generator)
    start_b = start_b + _front(end_b - start_b - length_b, generator)
    tokens, padding, segments, words = _assemble(text.tokens, start_a, length_a, start_b, length_b, length)
    return Pairs(tokens, padding, segments, words, random=is_random, swapped=is_swapped)


def negative_rate(part: Part, length: int) -> float:
    """The probability that B does not follow A: ½, and more for each place with one sentence left.

    Exact: the mean over all places and all targets of `draw_pairs`, for any kind of wrong pairs.
    """
    room = length - SPECIALS
    text = part.text
    sizes = text.sentences[part.places + 1] - text.sentences[part.places]
    document = torch.searchsorted(text.documents, part.places, right=True)
    last = part.places + 1 == text.documents[document]
    fills = (1 - _SHORT) * (sizes >= room) + _SHORT * ((sizes - 1).clamp(0, room - 1) / (room - 1))
    alone = torch.where(last, 1.0, fills.double()).mean()
    return float(_NEGATIVE + (1 - _NEGATIVE) * alone)


def _floor(u: Float[Tensor, " b"], count: Int[Tensor, " b"] | int) -> Int[Tensor, " b"]:
    """A uniform integer below `count`, from a uniform draw in [0, 1)."""
    return (u * count).long()


def _run_end(
    text: Encoded, first: Int[Tensor, " b"], target: Int[Tensor, " b"], document: Int[Tensor, " b"]
) -> Int[Tensor, " b"]:
    """The end of a run of at least one sentence that reaches the target or the end of its document."""
    reach = torch.searchsorted(text.sentences, text.sentences[first] + target)
    return torch.minimum(torch.maximum(reach, first + 1), text.documents[document + 1])


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


def _assemble(
    flat: Int[Tensor, " t"],
    start_a: Int[Tensor, " b"],
    length_a: Int[Tensor, " b"],
    start_b: Int[Tensor, " b"],
    length_b: Int[Tensor, " b"],
    length: int,
) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"], Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """Tokens, padding, segments and words of `Pairs`."""
    place = torch.arange(length).expand(len(start_a), length)
    first_sep = (length_a + 1)[:, None]
    last_sep = first_sep + (length_b + 1)[:, None]
    in_a = (place > 0) & (place < first_sep)
    in_b = (place > first_sep) & (place < last_sep)
    words = in_a | in_b
    index = torch.where(in_b, start_b[:, None] + place - first_sep - 1, start_a[:, None] + place - 1)
    tokens = torch.where(words, flat[index.where(words, 0)].long(), PAD)
    tokens[(place == first_sep) | (place == last_sep)] = SEP
    tokens[:, 0] = CLS
    segments = ((place > first_sep) & (place <= last_sep)).long()
    return tokens, place > last_sep, segments, words
