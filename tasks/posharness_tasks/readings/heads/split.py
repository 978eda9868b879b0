"""Splits a treebank by words into the parts that train, stop and test a probe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from posharness_tasks.text.treebank import Sentence

__all__ = ["PARTS", "parts"]

PARTS = ("train", "validation", "test")
_TENTHS = (8, 1, 1)
_BLOCKS = 30


def parts(documents: Sequence[Sequence[Sentence]]) -> list[int]:
    """The part of each sentence, as an index into `PARTS`: 80 %, 10 % and 10 % of the words.

    Documents are kept whole if each part then comes within a third of its share. If not, because they are
    few or of unequal lengths, the text is cut into up to thirty blocks of consecutive sentences with about
    equally many words; a text too small for these is dealt sentence by sentence. All are dealt in the order
    of the file, so that each part holds all of its genres; the parts are the same for every model and seed.
    """
    words = [[len(sentence.words) for sentence in document] for document in documents]
    sentences = [count for document in words for count in document]
    for sizes in ([len(document) for document in words], _block_sizes(sentences), [1] * len(sentences)):
        dealt = _dealt(sentences, sizes)
        if _near_shares(dealt, sentences):
            break
    return dealt


def _dealt(sentences: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """The part of each sentence, where units of consecutive sentences go to the part that lacks most words.

    Args:
        sentences: the number of words of each sentence.
        sizes: the number of sentences of each unit.
    """
    dealt: list[int] = []
    have = [0] * len(PARTS)
    for size in sizes:
        words = sum(sentences[len(dealt) : len(dealt) + size])
        total = sum(have) + words
        part = max(range(len(PARTS)), key=lambda part: _TENTHS[part] * total - 10 * have[part])
        have[part] += words
        dealt += [part] * size
    return dealt


def _near_shares(dealt: Sequence[int], sentences: Sequence[int]) -> bool:
    words = [0] * len(PARTS)
    for part, count in zip(dealt, sentences, strict=True):
        words[part] += count
    total = sum(words)
    shares = zip(words, _TENTHS, strict=True)
    return all(3 * abs(10 * have - tenths * total) <= tenths * total for have, tenths in shares)


def _block_sizes(sentences: Sequence[int]) -> list[int]:
    """The number of sentences of each of up to thirty blocks."""
    before = accumulate(sentences[:-1], initial=0)
    total = sum(sentences)
    return list(Counter(_BLOCKS * begin // total for begin in before).values())
