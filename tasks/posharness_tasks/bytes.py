"""The task bytes: byte-level language modelling, on any corpus that BERT pretraining can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks.bert.corpora.corpus import prepare_corpus
from posharness_tasks.bert.corpora.python_docs import PYTHON_DOCS
from posharness_tasks.bert.corpora.source import COLUMN, Documents

_NEWLINE = ord("\n")
_SPLITS: tuple[Split, ...] = ("test", "validation", "train")
_HELD_OUT = 0.05
_FEWEST_DOCUMENTS = 6
_BLOCKS = 40
"""Parts that a text of fewer documents is cut into, about."""
_SPLIT_SEED = 20170612


def _shown(byte: int) -> str:
    """A byte as a reader knows it: its character, "␣" for a space, else its code."""
    if byte == ord(" "):
        return "␣"
    return chr(byte) if chr(byte).isprintable() and byte < 128 else f"\\x{byte:02x}"


class ByteModelling(Task):
    """Predict each byte of running text from the bytes before it.

        tokens    t h e _ c a t _ s a t _ b y _ t h e _ c
        answers   h e _ c a t _ s a t _ b y _ t h e _ c a

    The corpus is text as `bert` reads it: one sentence a line, in UTF-8. A sequence is a window at a random
    place of a split, which may cross documents. Every position is scored, so accuracy by position shows the
    benefit of a longer context.

    No byte has a provable source. The dependency length is a *span*: the distance to the nearest earlier
    place that has the same `context` bytes as those that end at the emitting position, followed by the target
    byte (at the last "h" above, with 2 bytes of context, it is 15). The answer could be copied from there,
    but a model may know it without, and a nearer place with another continuation may mislead it. Where there
    is no such place the length is −1.

    The documents are divided by number of bytes: 5 % for test, 5 % for validation, the rest for training; no
    two splits share a document. Chance is the share of training's most frequent byte in the test split.

    Args:
        corpus: as for `bert`: `python-docs`, the path of a file, a folder or a pattern, or an id on the Hub.
        text_column, documents: as for `bert`.
        context: number of bytes that the earlier place must share, 1 to 6.
    """

    name = "bytes"
    aliases = ("byte_lm",)
    summary = "Model the bytes of real text"
    bodies = ("decoder",)
    distance = "span"
    vocabulary = 256
    token_names = tuple(_shown(byte) for byte in range(256))

    def __init__(
        self,
        body: Body,
        *,
        corpus: str = PYTHON_DOCS,
        text_column: str = COLUMN,
        documents: Documents = "auto",
        context: int = 4,
        length: int = 128,
        evaluation_lengths: tuple[int, ...] = (128, 256, 512, 1024),
    ) -> None:
        super().__init__(body)
        if not 1 <= context <= 6:
            raise UserError(f"bytes[context={context}]: give 1 to 6 bytes.")
        if min(length, *evaluation_lengths) < 1:
            raise UserError(f"bytes: lengths must be 1 or more; got {min(length, *evaluation_lengths)}.")
        self.corpus = corpus
        self.text_column = text_column
        self.documents = documents
        self.context = context
        self.length = length
        self.evaluation_lengths = tuple(evaluation_lengths)
        self.objectives = (Objective("bytes", classes=0, chance=0.0),)  # known once it is prepared
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Write the corpus to the cache, or find it there, and split it.

        Raises:
            UserError: the corpus is missing or unreadable, or a split is shorter than a sequence.
        """
        corpus = prepare_corpus(self.corpus, cache / "bert", self.text_column, self.documents)
        text = np.fromfile(corpus.text, np.uint8)
        self._text = {name: torch.from_numpy(part) for name, part in _split(text).items()}
        longest = max(self.length, *self.evaluation_lengths) + 1
        for name, part in self._text.items():
            if len(part) < longest:
                raise UserError(
                    f"the corpus {self.corpus!r} has {len(part)} bytes in its {name} split, and a sequence "
                    f"takes {longest}: give more text or shorter lengths."
                )
        most = int(self._text["train"].long().bincount().argmax())
        chance = float((self._text["test"] == most).double().mean())
        self.objectives = (Objective("bytes", classes=256, chance=chance),)
        self._fingerprint = f"corpus:{corpus.sha256}"

    def fingerprint(self) -> str:
        """The SHA-256 of the corpus's text; "" before `prepare`."""
        return self._fingerprint

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        text = self._text[split]
        start = torch.randint(len(text) - length, (n, 1), generator=generator)
        window = text[start + torch.arange(length + 1)].long()
        tokens = window[:, :-1].contiguous()
        return Batch(
            tokens=tokens,
            targets=window[:, 1:].contiguous(),
            scored=torch.ones_like(tokens, dtype=torch.bool),
            dependency_length=_nearest(window, self.context + 1),
        )


def _split(text: NDArray[np.uint8]) -> dict[Split, NDArray[np.uint8]]:
    """The text of each split: whole documents in a fixed random order; of fewer than 6, blocks of sentences.

    Test takes documents until it has its share, then validation; the rest is for training.
    """
    ends = np.flatnonzero((text[1:] == _NEWLINE) & (text[:-1] == _NEWLINE)) + 2
    if len(ends) < _FEWEST_DOCUMENTS:
        ends = np.flatnonzero(text == _NEWLINE) + 1  # of sentences
        ends = ends[:: -(-len(ends) // _BLOCKS)]
        ends = ends if len(ends) and ends[-1] == len(text) else np.append(ends, len(text))
    documents = np.split(text, ends[:-1])
    order = torch.randperm(len(documents), generator=torch.Generator().manual_seed(_SPLIT_SEED)).tolist()
    found: dict[Split, NDArray[np.uint8]] = {}
    for name in _SPLITS:
        taken, size = [], 0
        while order and (name == "train" or size < _HELD_OUT * len(text)):
            taken.append(documents[order.pop()])
            size += len(taken[-1])
        found[name] = np.concatenate(taken) if taken else text[:0]
    return found


def _nearest(window: Int[Tensor, "n tokens"], size: int) -> Int[Tensor, "n tokens-1"]:
    """The distance to the nearest earlier occurrence of the last `size` bytes and the target; −1 if none."""
    n, length = window.shape[0], window.shape[1] - 1
    if length < size:
        return torch.full((n, length), -1)
    grams = (window.unfold(1, size, 1) << (8 * torch.arange(size))).sum(2)  # one at each start
    ordered, order = grams.sort(dim=1, stable=True)
    # Equal ones are neighbours in order of place: the one before is the nearest.
    apart = torch.where(ordered[:, 1:] == ordered[:, :-1], order.diff(dim=1), -1)
    first = torch.full((n, 1), -1)
    distance = torch.full((n, length), -1)
    distance[:, size - 2 :] = torch.empty_like(grams).scatter_(1, order, torch.cat([first, apart], 1))
    return distance
