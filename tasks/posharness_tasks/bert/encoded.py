"""A corpus as token ids on disk, with the bounds of its sentences and documents, split by document."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy.typing import NDArray
from torch import Tensor

from posharness.contracts import Split
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpora.corpus import Corpus
from posharness_tasks.bert.digests import digest_files, digest_modules
from posharness_tasks.bert.pieces import encode_file
from posharness_tasks.bert.vocabulary import UNK, train_vocabulary
from posharness_tasks.bert.workers import apart

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["FEWEST_DOCUMENTS", "SPLITS", "Encoded", "prepare_encoded"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_HELD_OUT = 0.05
FEWEST_DOCUMENTS = 6
"""A corpus of fewer is cut into blocks."""
_BLOCKS = 40
"""How many, about."""
_LONG = 1 << 23
"""Bytes of text from which on the learner's memory is worth a process of its own."""
_TOKENS = 1 << 20
_KINDS = {"tokens": torch.int32, "continuing": torch.bool, "known": torch.bool}
"""Types of the arrays that are not int64."""
_LONGER = 8
"""Tokens from which on a sentence that stands in two splits is more than a stock phrase."""
_SPLIT_SEED = 20181011


@dataclass(frozen=True, slots=True)
class Encoded:
    """A corpus of t tokens, s sentences and d documents. The tensors are memory-mapped files.

    Attributes:
        tokens: ids of all sentences, one after the other, without special tokens.
        sentences: index in `tokens` at which each sentence starts; the last entry is t.
        documents: the first sentence of each document; the last entry is s.
        split: index into `SPLITS` of each document.
        known: whether a sentence outside the training split stands in it too, token by token.
        counts: how often each token id occurs in each split.
        continuing: whether a token id continues the word of the token before it ("##s").
        digest: SHA-256 of all of them and of the vocabulary.
        tokenizer: the file of the vocabulary, as `tokenizers` reads it.
    """

    tokens: Int[Tensor, " t"]
    sentences: Int[Tensor, " sentence_bounds"]
    documents: Int[Tensor, " document_bounds"]
    split: Int[Tensor, " d"]
    known: Bool[Tensor, " s"]
    counts: Int[Tensor, "3 v"]
    continuing: Bool[Tensor, " v"]
    digest: str
    tokenizer: Path

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.counts.shape[1]

    @property
    def unknown(self) -> float:
        """Share of the tokens that are unknown."""
        return float(self.counts[:, UNK].sum() / self.counts.sum())

    def sentences_of(self, split: Split) -> Int[Tensor, " p"]:
        """The sentences of a split, ascending."""
        inside = self.split == SPLITS.index(split)
        return torch.repeat_interleave(inside, self.documents.diff()).nonzero().squeeze(1)

    def known_share(self, split: Split, *, longer: bool = False) -> float:
        """Share of a split's sentences that stand in the training split too; of those of 8 or more tokens."""
        own = self.sentences_of(split)
        if longer:
            own = own[self.sentences[own + 1] - self.sentences[own] >= _LONGER]
        return float(self.known[own].double().mean()) if len(own) else 0.0


def prepare_encoded(corpus: Corpus, size: int, cache: Path) -> Encoded:
    """The corpus, encoded with a vocabulary of at most `size` token ids; made in the cache on first use.

    Documents are divided among training, validation and test. A corpus of fewer than 6 is first cut into
    about 40 blocks of consecutive sentences, which count as documents. The vocabulary is learned from the
    training split alone.
    """
    made_by = f"{digest_modules('bert/encoded', 'bert/pieces', 'bert/vocabulary')} {version('tokenizers')}"
    key = hashlib.sha256(f"{made_by} {size} {corpus.sha256}".encode()).hexdigest()[:32]
    folder = cached_folder(cache / "tokens", key, partial(_encode, corpus, size))
    facts = json.loads((folder / "encoded.json").read_text("utf-8"))
    shapes: dict[str, int] = facts["lengths"]
    arrays = {
        name: torch.from_file(
            str(folder / f"{name}.bin"),
            shared=False,
            size=length,
            dtype=_KINDS.get(name, torch.int64),
        )
        for name, length in shapes.items()
    }
    arrays["counts"] = arrays["counts"].view(len(SPLITS), -1)
    return Encoded(**arrays, digest=facts["digest"], tokenizer=folder / "tokenizer.json")


def _encode(corpus: Corpus, size: int, folder: Path) -> None:
    lines, ends = _bounds(corpus)
    split = _split(ends.diff())
    ranges = _training_ranges(ends, split)
    train = partial(train_vocabulary, size=size, ranges=ranges)
    long = ends[-1] > _LONG
    tokenizer = apart(train, corpus.text) if long else train(corpus.text)
    tokenizer.save(str(folder / "tokenizer.json"))
    sizes, digests = _write_tokens(corpus.text, tokenizer, folder / "tokens.bin")
    # A line of which nothing is left is no sentence, and a document without sentences is none.
    kept = sizes > 0
    documents = torch.nn.functional.pad(kept.cumsum(0), (1, 0))[lines]
    present = documents.diff() > 0
    arrays = {
        "sentences": torch.nn.functional.pad(sizes[kept].cumsum(0), (1, 0)),
        "documents": torch.cat([documents[:1], documents[1:][present]]),
        "split": split[present],
    }
    arrays["known"] = _known(digests[kept], arrays["documents"], arrays["split"])
    vocabulary = tokenizer.get_vocab_size()
    arrays["counts"] = _count(
        folder / "tokens.bin",
        vocabulary,
        bounds=arrays["sentences"][arrays["documents"]],
        split=arrays["split"],
    )
    pieces = (str(tokenizer.id_to_token(number)) for number in range(vocabulary))
    arrays["continuing"] = torch.tensor([piece.startswith("##") for piece in pieces])
    for name, values in arrays.items():
        values.numpy().tofile(folder / f"{name}.bin")
    lengths = {"tokens": int(arrays["sentences"][-1])}
    lengths |= {name: values.numel() for name, values in arrays.items()}
    files = [folder / "tokenizer.json", *(folder / f"{name}.bin" for name in lengths)]
    facts = {"digest": digest_files(files), "lengths": lengths}
    (folder / "encoded.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def _bounds(corpus: Corpus) -> tuple[Int[Tensor, " bounds"], Int[Tensor, " bounds"]]:
    """Where the documents of a corpus begin, and where the last one ends: as lines, and as bytes.

    Lines are counted without the blank ones. Where there are fewer than 6 documents, these are blocks.
    """
    lines, ends = [0], [0]
    longest = -(-corpus.sentences // _BLOCKS) if corpus.documents < FEWEST_DOCUMENTS else corpus.sentences
    number = byte = 0
    with corpus.text.open("rb") as file:
        for line in file:
            byte += len(line)
            blank = line == b"\n"
            number += not blank
            if (blank or number - lines[-1] == longest) and number > lines[-1]:
                lines.append(number)
                ends.append(byte)
            elif blank:  # after a block that ended with its document
                ends[-1] = byte
    return torch.tensor(lines), torch.tensor(ends)


def _training_ranges(ends: Int[Tensor, " bounds"], split: Int[Tensor, " d"]) -> list[tuple[int, int]]:
    """The parts of the file that training documents take; neighbours are one part."""
    training = torch.nn.functional.pad((split == SPLITS.index("train")).int(), (1, 1)).diff()
    starts, stops = (ends[(training == sign).nonzero().squeeze(1)].tolist() for sign in (1, -1))
    return list(zip(starts, stops, strict=True))


def _write_tokens(
    text: Path, tokenizer: Tokenizer, path: Path
) -> tuple[Int[Tensor, " l"], Int[Tensor, " l"]]:
    """Write the ids of all lines, chunk by chunk; return size and digest of each that is not blank."""
    sizes, digests = [], []
    factors = _factors(tokenizer.get_vocab_size())
    with path.open("wb") as out:
        for chunk in encode_file(text, tokenizer):
            chunk.ids.tofile(out)
            filled = ~chunk.blank
            sizes.append(chunk.counts[filled])
            digests.append(_digests(chunk.ids, chunk.counts, factors)[filled])
    return torch.from_numpy(np.concatenate(sizes)), torch.from_numpy(np.concatenate(digests))


def _factors(vocabulary: int) -> NDArray[np.int64]:
    """A random odd number for each token id."""
    bounds = np.iinfo(np.int64)
    drawn = np.random.default_rng(_SPLIT_SEED).integers(bounds.min, bounds.max, vocabulary, np.int64)
    return drawn | 1


def _digests(
    ids: Int[np.ndarray, " t"], counts: Int[np.ndarray, " l"], factors: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A number of 64 bits for the tokens of each line: equal lines have equal ones, others hardly ever."""
    ends = counts.cumsum()
    place = np.arange(len(ids)) - np.repeat(ends - counts, counts)  # within its line
    # Σ r(id)·g(place), modulo 2^64, with odd g: g(place) = (2·place + 1)·φ is a bijection of places.
    weighed = factors[ids] * ((2 * place + 1) * np.int64(-7046029254386353131))
    sums = np.concatenate([[0], weighed.cumsum()])
    return np.asarray(sums[ends] - sums[ends - counts])


def _known(
    digests: Int[Tensor, " s"], documents: Int[Tensor, " document_bounds"], split: Int[Tensor, " d"]
) -> Bool[Tensor, " s"]:
    """Whether each sentence outside the training split stands in it too."""
    training = torch.repeat_interleave(split == SPLITS.index("train"), documents.diff())
    return torch.isin(digests, digests[training]) & ~training


def _split(sizes: Int[Tensor, " d"]) -> Int[Tensor, " d"]:
    """Assign each document to a split; test and validation get 5 % of the bytes each, or two documents.

    In a fixed random order, test takes documents until it has its share, then validation; training keeps the
    rest. Documents of more than half a share come last, so that no single one fills a split.
    """
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    order = torch.randperm(len(sizes), generator=generator)
    share = _HELD_OUT * float(sizes.sum())
    order = order[(sizes[order] > share / 2).to(torch.uint8).argsort(stable=True)]
    split = torch.full_like(sizes, SPLITS.index("train"))
    position = 0
    for left, name in ((4, "test"), (2, "validation")):
        taken = torch.cumsum(sizes[order[position:]], 0)
        # Two documents are left for each split that follows.
        count = max(2, min(int(torch.searchsorted(taken, share)) + 1, len(taken) - left))
        split[order[position : position + count]] = SPLITS.index(name)
        position += count
    return split


def _count(
    tokens: Path,
    vocabulary: int,
    *,
    bounds: Int[Tensor, " document_bounds"],
    split: Int[Tensor, " d"],
) -> Int[Tensor, "3 v"]:
    """How often each token occurs in each split; the file is read in pieces that are not kept.

    Args:
        bounds: the first token of each document, and the number of all.
    """
    counts = torch.zeros(len(SPLITS) * vocabulary, dtype=torch.int64)
    with tokens.open("rb") as file:
        start = 0
        while len(ids := np.fromfile(file, np.int32, _TOKENS)):
            document = torch.searchsorted(bounds, torch.arange(start, start + len(ids)), right=True) - 1
            keys = split[document] * vocabulary + torch.from_numpy(ids).long()
            counts += torch.bincount(keys, minlength=len(counts))
            start += len(ids)
    return counts.view(len(SPLITS), vocabulary)
