"""BERT pretraining without next sentences: nothing but masked tokens, in text that runs on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from posharness_tasks.bert import BertPretraining
from posharness_tasks.bert.pairs import Negatives, draw_pairs

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


def test_pairs_are_true_where_there_are_two_sentences(folder: Path) -> None:
    part = task(folder, "none")._parts["train"]
    kinds: tuple[Negatives, ...] = ("none", "random")
    drawn = {
        negatives: draw_pairs(torch.Generator().manual_seed(2), 3000, 24, part, negatives)
        for negatives in kinds
    }
    wrong = {negatives: pairs.random.float().mean().item() for negatives, pairs in drawn.items()}
    assert not drawn["none"].swapped.any()
    # A run that starts in the last of eight sentences, or is short enough for one, has nothing to go on with.
    assert 1 / 8 < wrong["none"] < 1 / 4
    assert wrong["random"] == pytest.approx((1 + wrong["none"]) / 2, abs=0.03)
