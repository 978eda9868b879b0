"""A small task of masked tokens with a tokenizer, as a single-file plugin: what readings are posed to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from posharness.contracts import Batch, Body, Objective, PositionalEncoding, Split, Task, hookimpl

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh")
_MASK, _LETTERS = PIECES.index("[MASK]"), 5


def letters() -> Tokenizer:
    """One piece for each of the letters a to h."""
    pieces = {piece: index for index, piece in enumerate(PIECES)}
    made = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(PIECES[:_LETTERS]))
    return made


class Filling(Task):
    """Letters of which one is hidden; the others are the same letter."""

    name = "filling"
    bodies = ("encoder", "decoder")

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.length, self.evaluation_lengths, self.vocabulary = 7, (7,), len(PIECES)
        self.objectives = (Objective("mlm", len(PIECES), 1 / 8, "mlm"),)

    def prepare(self, cache: Path) -> None:
        self.tokenizer = cache / "letters.json"
        cache.mkdir(parents=True, exist_ok=True)
        # Another worker may be reading the file at this moment.
        aside = cache / f"letters-{os.getpid()}.json"
        letters().save(str(aside))
        aside.replace(self.tokenizer)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        letter = torch.randint(_LETTERS, len(PIECES), (n, 1), generator=generator)
        targets = letter.expand(n, length).clone()
        hidden = torch.randint(length, (n, 1), generator=generator) == torch.arange(length)
        return Batch(
            targets.masked_fill(hidden, _MASK), targets, hidden, torch.where(hidden, 1, -1), objective=None
        )


class Fragile(PositionalEncoding):
    """Breaks in training."""

    name = "fragile"

    def embed(self, x: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("it broke")


@hookimpl
def posharness_encodings() -> Sequence[type[PositionalEncoding]]:
    return [Fragile]


@hookimpl
def posharness_tasks() -> Sequence[type[Task]]:
    return [Filling]
