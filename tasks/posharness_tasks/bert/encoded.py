"""A corpus as token ids on disk, with the bounds of its sentences and documents, split by document."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Split, UserError
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpus import Corpus
from posharness_tasks.bert.source import digest_files, digest_modules
from posharness_tasks.bert.vocabulary import one_thread, train_vocabulary

__all__ = ["SPLITS", "Encoded", "prepare_encoded"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_HELD_OUT = 0.05
_LINES = 4096
_TOKENS = 1 << 20
_SPLIT_SEED = 20181011


@dataclass(frozen=True, slots=True)
class Encoded:
    """A corpus of t tokens, s sentences and d documents. The tensors are memory-mapped files.

    Attributes:
        tokens: ids of all sentences, one after the other, without special tokens.
        sentences: where each sentence starts in `tokens`; the last entry is t.
        documents: the first sentence of each document; the last entry is s.
        split: index into `SPLITS` of each document.
        counts: how often each token id occurs in each split.
        digest: SHA-256 of all of them and of the vocabulary.
        tokenizer: the file of the vocabulary, as `tokenizers` reads it.
    """

    tokens: Int[Tensor, " t"]
    sentences: Int[Tensor, " s+1"]
    documents: Int[Tensor, " d+1"]
    split: Int[Tensor, " d"]
    counts: Int[Tensor, "3 v"]
    digest: str
    tokenizer: Path

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.counts.shape[1]


def prepare_encoded(corpus: Corpus, size: int, cache: Path) -> Encoded:
    """The corpus in a vocabulary of (at most) `size` token ids, made in the cache on first use.

    Raises:
        UserError: the vocabulary is too small for the corpus's characters, or the corpus too small for
            pairs of sentences in each split.
    """
    made_by = f"{digest_modules('encoded', 'vocabulary')} {version('tokenizers')}"
    key = hashlib.sha256(f"{made_by} {size} {corpus.sha256}".encode()).hexdigest()[:32]
    folder = cached_folder(cache / "tokens", key, partial(_encode, corpus, size))
    facts = json.loads((folder / "encoded.json").read_text("utf-8"))
    shapes: dict[str, int] = facts["lengths"]
    arrays = {
        name: torch.from_file(
            str(folder / f"{name}.bin"),
            shared=False,
            size=length,
            dtype=torch.int32 if name == "tokens" else torch.int64,
        )
        for name, length in shapes.items()
    }
    arrays["counts"] = arrays["counts"].view(len(SPLITS), -1)
    return Encoded(**arrays, digest=facts["digest"], tokenizer=folder / "tokenizer.json")


def _encode(corpus: Corpus, size: int, folder: Path) -> None:
    tokenizer = train_vocabulary(corpus.text, size)
    tokenizer.save(str(folder / "tokenizer.json"))
    sentences, documents = array("q"), array("q", [0])
    total = 0
    with (folder / "tokens.bin").open("wb") as out, one_thread():
        for lines in _chunks(corpus.text):
            for line, encoding in zip(
                lines, tokenizer.encode_batch_fast(lines, add_special_tokens=False), strict=True
            ):
                if encoding.ids:
                    sentences.append(total)
                    total += len(encoding.ids)
                    array("i", encoding.ids).tofile(out)
                elif not line and documents[-1] < len(sentences):  # a blank line ends a document
                    documents.append(len(sentences))
    sentences.append(total)
    arrays = {"sentences": torch.tensor(sentences), "documents": torch.tensor(documents)}
    arrays["split"] = _split(arrays["sentences"][arrays["documents"]].diff())
    _refuse_without_pairs(arrays["documents"], arrays["split"])
    tokens = torch.from_file(str(folder / "tokens.bin"), shared=False, size=total, dtype=torch.int32)
    arrays["counts"] = _count(tokens, tokenizer.get_vocab_size(), **arrays)
    for name, values in arrays.items():
        values.numpy().tofile(folder / f"{name}.bin")
    lengths = {"tokens": total} | {name: values.numel() for name, values in arrays.items()}
    files = [folder / "tokenizer.json", *(folder / f"{name}.bin" for name in lengths)]
    facts = {"digest": digest_files(files), "lengths": lengths}
    (folder / "encoded.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def _chunks(text: Path) -> Iterator[list[str]]:
    with text.open(encoding="utf-8", newline="\n") as lines:
        while chunk := [line.rstrip("\n") for line in islice(lines, _LINES)]:
            yield chunk


def _split(sizes: Int[Tensor, " d"]) -> Int[Tensor, " d"]:
    """Give each document to a split; test and validation get 5 % of the tokens each, or two documents.

    In a fixed random order, test takes documents until it has its share, then validation, and training
    keeps the rest. Documents of more than half a share come last, so that no single one fills a split.
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


def _refuse_without_pairs(documents: Int[Tensor, " d+1"], split: Int[Tensor, " d"]) -> None:
    """Each split needs a document of two sentences, and another one to take a wrong second part from."""
    for index, name in enumerate(SPLITS):
        lengths = documents.diff()[split == index]
        if len(lengths) < 2 or int(lengths.max()) < 2:
            raise UserError(
                f"the corpus is too small for pairs of sentences in its {name} split "
                f"({len(lengths)} documents of {int(lengths.sum())} sentences): give more or longer documents"
            )


def _count(
    tokens: Int[Tensor, " t"],
    vocabulary: int,
    *,
    sentences: Int[Tensor, " s+1"],
    documents: Int[Tensor, " d+1"],
    split: Int[Tensor, " d"],
) -> Int[Tensor, "3 v"]:
    bounds = sentences[documents]
    counts = torch.zeros(len(SPLITS) * vocabulary, dtype=torch.int64)
    for start in range(0, len(tokens), _TOKENS):
        chunk = tokens[start : start + _TOKENS].long()
        document = torch.searchsorted(bounds, torch.arange(start, start + len(chunk)), right=True) - 1
        counts += torch.bincount(split[document] * vocabulary + chunk, minlength=len(counts))
    return counts.view(len(SPLITS), vocabulary)
