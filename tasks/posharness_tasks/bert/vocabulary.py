"""Trains a WordPiece vocabulary that depends on the text alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from posharness.contracts import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["CLS", "FIRST_PIECE", "MASK", "PAD", "SEP", "UNK", "one_thread", "train_vocabulary"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
FIRST_PIECE = len(SPECIAL)
_CHARACTERS = 1000
_CHARACTERS_SHARE = 1 / 8
_PIECES = 64
_PIECE = 1 << 20
"""Bytes."""


def train_vocabulary(text: Path, size: int) -> Tokenizer:
    """A lower-casing WordPiece tokenizer (BERT's normaliser and pre-tokenizer) of at most `size` pieces.

    The trainer numbers the pieces "##x" in the order of a randomly seeded hash table, and resolves ties
    between merges by these numbers, so two trainings differ. Here the alphabet is counted first and given
    with fixed numbers, which determines the rest. The alphabet has the 1,000 most frequent characters or, in
    a vocabulary of over 8,000, an eighth of the number of pieces, and as many pieces that continue a word.

    Args:
        text: a UTF-8 file, one sentence a line. Of a file of over 64 MB, 64 evenly spread pieces of a
            megabyte are read.
        size: number of token ids, including the special ones; fewer if the text has fewer.

    Raises:
        UserError: `size` is too small for the corpus's characters.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    for lines in _sample(text):
        counts.update(normalizer.normalize_str("".join(lines)))
    ranked = sorted((c for c in counts if not c.isspace()), key=lambda c: (-counts[c], c))
    ranked = ranked[: max(_CHARACTERS, int(size * _CHARACTERS_SHARE))]
    # ASCII punctuation is always a word of its own, so it never continues one.
    alphabet = [*sorted(ranked), *("##" + c for c in sorted(ranked) if c.isalnum() or not c.isascii())]
    if size < (smallest := FIRST_PIECE + 2 * len(alphabet)):
        raise UserError(
            f"a vocabulary of {size} is too small for this corpus, whose alphabet takes {len(alphabet)} "
            f"pieces: choose {smallest} or more."
        )
    learner = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNK]))
    learner.normalizer = normalizer
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL, *alphabet], limit_alphabet=0, show_progress=False
    )
    with one_thread():
        learner.train_from_iterator(_sample(text), trainer)
    # Built anew without special tokens, so that a "[MASK]" in the text is read as the word it is there.
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token=SPECIAL[UNK]))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _sample(text: Path) -> Iterator[list[str]]:
    """The lines of a file, or of evenly spread parts of it, in pieces of about a megabyte."""
    size = text.stat().st_size
    with text.open("rb") as file:
        if size <= _PIECES * _PIECE:
            while lines := file.readlines(_PIECE):
                yield [line.decode() for line in lines]
            return
        for number in range(_PIECES):
            file.seek(number * size // _PIECES)
            file.readline()  # what is left of a line that began before
            yield [line.decode() for line in file.readlines(_PIECE)]


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
