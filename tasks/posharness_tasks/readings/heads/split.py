"""Splits a treebank by document into the parts that train, stop and test a probe."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from posharness_tasks.text.treebank import Sentence

__all__ = ["PARTS", "parts"]

PARTS = ("train", "validation", "test")
_BLOCKS = 30
_PART_OF_TEN = (0, 0, 0, 0, 0, 0, 0, 0, 1, 2)


def parts(documents: Sequence[Sequence[Sentence]]) -> list[int]:
    """The part of each sentence, as an index into `PARTS`: 80 %, 10 % and 10 % of the documents.

    Of each ten documents, in the order of the file, the ninth is validation and the tenth is test: all parts
    contain all genres of the file, and are the same for every model and seed. Fewer than ten documents are
    treated as one text, which is cut into up to thirty blocks of consecutive sentences.
    """
    sizes = [len(document) for document in documents]
    if len(sizes) < 10:
        total = sum(sizes)
        cuts = [total * block // _BLOCKS for block in range(_BLOCKS + 1)]
        sizes = [size for a, b in pairwise(cuts) if (size := b - a)]
    return [_PART_OF_TEN[unit % 10] for unit, size in enumerate(sizes) for _ in range(size)]
