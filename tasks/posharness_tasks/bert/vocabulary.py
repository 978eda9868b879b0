"""Trains a WordPiece vocabulary that depends on the text alone."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["CLS", "FIRST_PIECE", "MASK", "PAD", "SEP", "UNK", "one_thread", "train_vocabulary"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
FIRST_PIECE = len(SPECIAL)
_CHINESE = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Ranges of the characters that BERT's normaliser puts spaces around."""
_CHARACTERS = 1000
_CHARACTERS_SHARE = 1 / 8
_COVERED = 0.999
"""Share of the text that the characters of the alphabet should make up."""
_PIECES = 64
_PIECE = 1 << 20
"""Bytes."""

Ranges = Sequence[tuple[int, int]]
"""Parts of a file: the first byte of each and the one after its last."""


def train_vocabulary(text: Path, size: int, ranges: Ranges) -> Tokenizer:
    """A lower-casing WordPiece tokenizer (BERT's normaliser and pre-tokenizer) of at most `size` pieces.

    The trainer numbers the pieces "##x" in the order of a randomly seeded hash table, and resolves ties
    between merges by these numbers, so two trainings differ. Here the alphabet is counted first and given
    with fixed numbers, which determines the rest.

    The alphabet has the most frequent characters: 1,000, or an eighth of the number of pieces if that is
    more, or as many as make up 99.9 % of the text if that is more still; and for each the piece that
    continues a word, unless the character is always a word of its own. Where there is no room for all of
    them, words with rarer characters are unknown.

    Args:
        text: a UTF-8 file, one sentence a line.
        size: number of token ids, including the special ones; fewer if the text has fewer.
        ranges: the parts of the file to learn from, whole lines. Of over 64 MB, 64 evenly spread pieces of a
            megabyte are read.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    for lines in _sample(text, ranges):
        counts.update(normalizer.normalize_str("".join(lines)))
    alphabet = _alphabet(counts, size)
    learner = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNK]))
    learner.normalizer = normalizer
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL, *alphabet], limit_alphabet=0, show_progress=False
    )
    with one_thread():
        learner.train_from_iterator(_sample(text, ranges), trainer)
    # Built anew without special tokens, so that a "[MASK]" in the text is read as the word it is there.
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token=SPECIAL[UNK]))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _alphabet(counts: Counter[str], size: int) -> list[str]:
    """The pieces of single characters, in a fixed order."""
    ranked = sorted((c for c in counts if not c.isspace()), key=lambda c: (-counts[c], c))
    usual = max(_CHARACTERS, int(size * _CHARACTERS_SHARE))
    enough = _COVERED * sum(counts[c] for c in ranked)
    chosen: list[str] = []
    pieces = covered = 0
    for character in ranked:
        pieces += 2 if _continues(character) else 1
        if pieces > size - FIRST_PIECE or (len(chosen) >= usual and covered >= enough):
            break
        chosen.append(character)
        covered += counts[character]
    return [*sorted(chosen), *("##" + c for c in sorted(chosen) if _continues(c))]


def _continues(character: str) -> bool:
    """Whether a character may continue a word: not ASCII punctuation, and not a Chinese character."""
    if character.isascii():
        return character.isalnum()
    return not any(first <= ord(character) <= last for first, last in _CHINESE)


def _sample(text: Path, ranges: Ranges) -> Iterator[list[str]]:
    """The lines of parts of a file, or of evenly spread places in them, in pieces of about a megabyte."""
    size = sum(end - start for start, end in ranges)
    with text.open("rb") as file:
        if size <= _PIECES * _PIECE:
            for start, end in ranges:
                yield from _pieces(file, start, end)
            return
        before = list(accumulate((end - start for start, end in ranges), initial=0))
        for number in range(_PIECES):
            place = number * size // _PIECES
            index = bisect_right(before, place) - 1
            start, left = ranges[index][0] + place - before[index], _PIECE
            while left > 0 and index < len(ranges):
                end = min(ranges[index][1], start + left)
                yield from _pieces(file, start, end, whole=start == ranges[index][0])
                left -= end - start
                index += 1
                start = ranges[index][0] if index < len(ranges) else 0


def _pieces(file: BinaryIO, start: int, end: int, *, whole: bool = True) -> Iterator[list[str]]:
    """The lines that begin between two bytes, about a megabyte at a time.

    Args:
        whole: whether a line begins at `start`.
    """
    file.seek(start)
    if not whole:
        start += len(file.readline())  # what is left of a line that began before
    while start < end:
        lines: list[bytes] = []
        stop = min(end, start + _PIECE)
        while start < stop:
            lines.append(file.readline())
            start += len(lines[-1])
        yield [line.decode() for line in lines]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep `tokenizers` in this thread: its thread pool does not survive the fork of a worker process."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
