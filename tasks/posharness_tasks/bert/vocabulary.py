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


def train_vocabulary(text: Path, size: int) -> Tokenizer:
    """A lower-casing WordPiece tokenizer (BERT's normaliser and pre-tokenizer) of at most `size` pieces.

    The trainer numbers the pieces "##x" in the order of a randomly seeded hash table, and ties between
    merges follow the numbers, so that two trainings differ. Here the alphabet is counted first and handed
    over with its numbers fixed; the rest is then determined. It holds the 1,000 most frequent characters,
    or more in a vocabulary of over 8,000: one in eight pieces, and as many that go on with a word.

    Args:
        text: a UTF-8 file, a sentence a line.
        size: number of token ids, the special ones included; fewer when the text holds fewer.

    Raises:
        UserError: `size` has no room for the corpus's characters.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    with text.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            counts.update(normalizer.normalize_str(line))
    ranked = sorted((c for c in counts if not c.isspace()), key=lambda c: (-counts[c], c))
    ranked = ranked[: max(_CHARACTERS, int(size * _CHARACTERS_SHARE))]
    # ASCII punctuation always stands alone as a word, so it never continues one.
    alphabet = [*sorted(ranked), *("##" + c for c in sorted(ranked) if c.isalnum() or not c.isascii())]
    if size < (smallest := FIRST_PIECE + 2 * len(alphabet)):
        raise UserError(
            f"a vocabulary of {size} is too small for this corpus, whose alphabet takes {len(alphabet)} "
            f"pieces: choose {smallest} or more"
        )
    learner = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNK]))
    learner.normalizer = normalizer
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL, *alphabet], limit_alphabet=0, show_progress=False
    )
    with one_thread():
        learner.train([str(text)], trainer)
    # Built anew without special tokens, so that a "[MASK]" in the text is read as the word it is there.
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token=SPECIAL[UNK]))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep `tokenizers` to this thread: its pool does not survive the fork of a worker process."""
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
