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
from torch import Tensor

from posharness.contracts import Split, UserError
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpora.corpus import Corpus
from posharness_tasks.bert.digests import digest_files, digest_modules
from posharness_tasks.bert.pieces import encode_file
from posharness_tasks.bert.vocabulary import UNK, train_vocabulary
from posharness_tasks.bert.workers import apart

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["SPLITS", "Encoded", "prepare_encoded"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_HELD_OUT = 0.05
_MOST_UNKNOWN = 0.2
_LONG = 1 << 23
"""Bytes of text from which on the learner's memory is worth a process of its own."""
_TOKENS = 1 << 20
_KINDS = {"tokens": torch.int32, "continuing": torch.bool}
"""Types of the arrays that are not int64."""
_SPLIT_SEED = 20181011


@dataclass(frozen=True, slots=True)
class Encoded:
    """A corpus of t tokens, s sentences and d documents. The tensors are memory-mapped files.

    Attributes:
        tokens: ids of all sentences, one after the other, without special tokens.
        sentences: index in `tokens` at which each sentence starts; the last entry is t.
        documents: the first sentence of each document; the last entry is s.
        split: index into `SPLITS` of each document.
        counts: how often each token id occurs in each split.
        continuing: whether a token id continues the word of the token before it ("##s").
        digest: SHA-256 of all of them and of the vocabulary.
        tokenizer: the file of the vocabulary, as `tokenizers` reads it.
    """

    tokens: Int[Tensor, " t"]
    sentences: Int[Tensor, " sentence_bounds"]
    documents: Int[Tensor, " document_bounds"]
    split: Int[Tensor, " d"]
    counts: Int[Tensor, "3 v"]
    continuing: Bool[Tensor, " v"]
    digest: str
    tokenizer: Path

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.counts.shape[1]


def prepare_encoded(corpus: Corpus, size: int, cache: Path) -> Encoded:
    """The corpus, encoded with a vocabulary of at most `size` token ids; made in the cache on first use.

    Raises:
        UserError: the vocabulary is too small for the corpus's characters or leaves over 20 % of its tokens
            unknown, or the corpus is too small for pairs of sentences in each split.
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
    train = partial(train_vocabulary, size=size)
    long = corpus.text.stat().st_size > _LONG
    tokenizer = apart(train, corpus.text) if long else train(corpus.text)
    tokenizer.save(str(folder / "tokenizer.json"))
    arrays = _write_tokens(corpus.text, tokenizer, folder / "tokens.bin")
    arrays["split"] = _split(arrays["sentences"][arrays["documents"]].diff())
    _refuse_without_pairs(corpus.name, arrays["documents"], arrays["split"])
    vocabulary = tokenizer.get_vocab_size()
    arrays["counts"] = _count(folder / "tokens.bin", vocabulary, **arrays)
    _refuse_unknown(corpus.name, arrays["counts"])
    pieces = (str(tokenizer.id_to_token(number)) for number in range(vocabulary))
    arrays["continuing"] = torch.tensor([piece.startswith("##") for piece in pieces])
    for name, values in arrays.items():
        values.numpy().tofile(folder / f"{name}.bin")
    lengths = {"tokens": int(arrays["sentences"][-1])}
    lengths |= {name: values.numel() for name, values in arrays.items()}
    files = [folder / "tokenizer.json", *(folder / f"{name}.bin" for name in lengths)]
    facts = {"digest": digest_files(files), "lengths": lengths}
    (folder / "encoded.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def _write_tokens(text: Path, tokenizer: Tokenizer, path: Path) -> dict[str, Tensor]:
    """Write the ids of all lines, chunk by chunk; return the bounds of sentences and documents."""
    counts, ends = [], []
    sentences = 0
    with path.open("wb") as out:
        for chunk in encode_file(text, tokenizer):
            chunk.ids.tofile(out)
            # A line of which nothing is left is no sentence; a blank line ends a document.
            kept = chunk.counts > 0
            ends.append(sentences + kept.cumsum()[chunk.blank])
            sentences += int(kept.sum())
            counts.append(chunk.counts[kept])
    sizes = torch.from_numpy(np.concatenate(counts))
    return {
        "sentences": torch.nn.functional.pad(sizes.cumsum(0), (1, 0)),
        "documents": torch.from_numpy(np.unique(np.concatenate([[0], *ends]))),
    }


def _split(sizes: Int[Tensor, " d"]) -> Int[Tensor, " d"]:
    """Assign each document to a split; test and validation get 5 % of the tokens each, or two documents.

    In a fixed random order, test takes documents until it has its share, then validation; training keeps the
    rest. Documents of more than half a share come last, so that no single one fills a split.
    """
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    order = torch.randperm(len(sizes), generator=generator)
    share = _HELD_OUT * float(sizes.sum())
    order = order[(sizes[order] > share / 2).to(torch.uint8).argsort(stable=True)]
    split = torch.full_like(sizes, SPLITS.index("train"))
    position = 0
    for name in ("test", "validation"):
        taken = torch.cumsum(sizes[order[position:]], 0)
        count = max(2, int(torch.searchsorted(taken, share)) + 1)
        split[order[position : position + count]] = SPLITS.index(name)
        position += count
    return split


def _refuse_without_pairs(
    corpus: str, documents: Int[Tensor, " document_bounds"], split: Int[Tensor, " d"]
) -> None:
    """Require a document of two sentences in each split, and another one to take a wrong second part from."""
    for index, name in enumerate(SPLITS):
        lengths = documents.diff()[split == index]
        if len(lengths) < 2 or int(lengths.max()) < 2:
            raise UserError(
                f"the corpus {corpus!r} is too small for pairs of sentences in its {name} split "
                f"({len(lengths)} documents of {int(lengths.sum())} sentences): give more or longer "
                "documents."
            )


def _refuse_unknown(corpus: str, counts: Int[Tensor, "3 v"]) -> None:
    unknown = float(counts[:, UNK].sum() / counts.sum())
    if unknown > _MOST_UNKNOWN:
        raise UserError(
            f"a vocabulary of {counts.shape[1]} leaves {unknown:.0%} of the tokens of the corpus {corpus!r} "
            f"unknown; at most {_MOST_UNKNOWN:.0%} may be: choose a larger vocabulary, or a text whose "
            "words are separated by spaces."
        )


def _count(
    tokens: Path,
    vocabulary: int,
    *,
    sentences: Int[Tensor, " sentence_bounds"],
    documents: Int[Tensor, " document_bounds"],
    split: Int[Tensor, " d"],
) -> Int[Tensor, "3 v"]:
    """How often each token occurs in each split; the file is read in pieces that are not kept."""
    bounds = sentences[documents]
    counts = torch.zeros(len(SPLITS) * vocabulary, dtype=torch.int64)
    with tokens.open("rb") as file:
        start = 0
        while len(ids := np.fromfile(file, np.int32, _TOKENS)):
            document = torch.searchsorted(bounds, torch.arange(start, start + len(ids)), right=True) - 1
            keys = split[document] * vocabulary + torch.from_numpy(ids).long()
            counts += torch.bincount(keys, minlength=len(counts))
            start += len(ids)
    return counts.view(len(SPLITS), vocabulary)
