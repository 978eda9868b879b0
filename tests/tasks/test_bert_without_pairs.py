"""BERT pretraining without next sentences: nothing but masked tokens, in text that runs on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from posharness.contracts import UserError
from posharness_tasks.bert import BertPretraining
from posharness_tasks.bert.pairs import Negatives
from posharness_tasks.bert.vocabulary import SEP

NOUNS = ["cat", "dog", "bird", "horse", "mouse", "goat", "cow", "sheep"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of forty documents of eight sentences."""
    made = tmp_path_factory.mktemp("text")
    documents = [
        "\n".join(f"The {NOUNS[d % 8]} saw the {NOUNS[(s + d) % 8]} run away." for s in range(8))
        for d in range(40)
    ]
    (made / "corpus.txt").write_text("\n\n".join(documents))
    return made


def task(folder: Path, negatives: Negatives) -> BertPretraining:
    made = BertPretraining(
        "encoder",
        corpus=str(folder / "corpus.txt"),
        vocabulary_size=300,
        length=24,
        evaluation_lengths=(24,),
        negatives=negatives,
    )
    made.prepare(folder / "cache")
    return made


def test_only_masked_tokens_are_asked_for(folder: Path) -> None:
    without, asked = task(folder, "none"), task(folder, "random")
    assert [objective.name for objective in without.objectives] == ["mlm"]
    assert [objective.name for objective in asked.objectives] == ["mlm", "nsp"]
    batch = without.sample(torch.Generator().manual_seed(1), 200, 24, "train")
    assert batch.objective is not None
    assert not batch.objective.any()
    assert not batch.scored[:, 0].any()
    assert batch.scored.any(1).all()


def test_sequences_are_one_part_and_full(folder: Path) -> None:
    drawn = task(folder, "none").sample(torch.Generator().manual_seed(2), 3000, 24, "train")
    assert drawn.padding is not None
    assert not drawn.padding.any()
    assert drawn.segments is not None
    assert not drawn.segments.any()
    # Documents of eight sentences of ten tokens follow each other in one sequence.
    separators = (drawn.tokens == SEP).sum(1)
    assert (drawn.tokens[:, -1] == SEP).all()
    assert 0.1 < float((separators > 1).double().mean()) < 0.5


def as_one_document(folder: Path) -> str:
    text = (folder / "corpus.txt").read_text().replace("\n\n", "\n")
    (folder / "one.txt").write_text(text)
    return str(folder / "one.txt")


def as_single_sentences(folder: Path) -> str:
    text = (folder / "corpus.txt").read_text().replace("\n", "\n\n")
    (folder / "singles.txt").write_text(text)
    return str(folder / "singles.txt")


@pytest.mark.parametrize("write", [as_one_document, as_single_sentences])
def test_documents_that_make_no_pairs_are_refused_only_where_pairs_are_asked_for(
    folder: Path, write: Callable[[Path], str]
) -> None:
    corpus, cache = write(folder), folder / "cache"
    options: dict[str, Any] = {"vocabulary_size": 300, "length": 24, "evaluation_lengths": (24,)}
    for body, negatives in (("encoder", "none"), ("decoder", "random")):
        made = BertPretraining(body, corpus=corpus, negatives=negatives, **options)
        made.prepare(cache)
        drawn = [made.sample(torch.Generator(), 50, 24, split) for split in ("train", "validation", "test")]
        assert all(batch.scored.any() for batch in drawn)
    with pytest.raises(UserError, match="negatives=none"):
        BertPretraining("encoder", corpus=corpus, **options).prepare(cache)
