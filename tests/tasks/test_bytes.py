"""Byte modelling reads running text, splits it by document, and says how far back the answer stood."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from posharness.contracts import UserError
from posharness.defaults import cache_root
from posharness_tasks.bytes import ByteModelling

from .interventions import seeded

WORDS = ["the", "cat", "sat", "by", "a", "mat", "while", "seven", "old", "dogs", "ran", "over", "hills", "é"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents of five sentences, each document with a word of its own in every sentence."""
    draws = random.Random(0)
    documents = [
        "\n".join(f"Of {number:02d} {' '.join(draws.choices(WORDS, k=9))}." for _ in range(5))
        for number in range(40)
    ]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("\n\n".join(documents), "utf-8")
    return path


@pytest.fixture(scope="module")
def task(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> ByteModelling:
    task = ByteModelling("decoder", corpus=str(corpus), length=61, evaluation_lengths=(61, 127))
    task.prepare(tmp_path_factory.mktemp("cache"))
    return task


def test_targets_are_the_next_bytes_of_the_text(task: ByteModelling, corpus: Path) -> None:
    batch = task.sample(seeded(0), 50, 61, "train")
    assert torch.equal(batch.tokens[:, 1:], batch.targets[:, :-1])
    assert batch.scored.all()
    sentences = set(corpus.read_text("utf-8").split("\n"))
    for tokens in batch.tokens.tolist():
        for line in bytes(tokens).split(b"\n")[1:-1]:
            assert line.decode() in sentences


def test_splits_share_no_document(task: ByteModelling) -> None:
    marks = {}
    for split in ("train", "validation", "test"):
        batch = task.sample(seeded(1), 2000, 127, split)  # type: ignore[arg-type]
        texts = [bytes(tokens) for tokens in batch.tokens.tolist()]
        marks[split] = {text[i + 3 : i + 5] for text in texts for i in [text.find(b"\nOf ") + 1] if i > 0}
    assert not marks["train"] & marks["test"]
    assert not marks["train"] & marks["validation"]
    assert not marks["test"] & marks["validation"]
    assert min(len(found) for found in marks.values()) >= 2
    assert sum(len(found) for found in marks.values()) == 40


@pytest.mark.parametrize("context", [1, 2, 4, 6])
def test_a_span_leads_to_the_nearest_place_that_the_answer_can_be_copied_from(
    task: ByteModelling, corpus: Path, tmp_path: Path, context: int
) -> None:
    task = ByteModelling("decoder", corpus=str(corpus), context=context, evaluation_lengths=(128,))
    task.prepare(tmp_path)
    batch = task.sample(seeded(2), 3, 113, "test")
    assert task.distance == "span"
    found = 0
    for tokens, targets, distances in zip(
        batch.tokens.tolist(), batch.targets.tolist(), batch.dependency_length.tolist(), strict=True
    ):
        for place in range(len(tokens)):
            text = [*tokens[: place + 1], targets[place]]
            gram = text[-context - 1 :]
            starts = [
                start
                for start in range(place + 1 - context)
                if len(gram) == context + 1 and text[start : start + context + 1] == gram
            ]
            expected = place + 1 - context - starts[-1] if starts else -1
            assert distances[place] == expected
            found += expected > 0
    assert found > 10


def test_chance_is_the_share_of_the_most_frequent_byte(task: ByteModelling) -> None:
    train, test = (task.sample(seeded(3), 3000, 61, split) for split in ("train", "test"))
    most = int(train.targets.flatten().bincount().argmax())
    assert chr(most) == " "
    share = float((test.targets == most).float().mean())
    assert task.objectives[0].chance == pytest.approx(share, abs=0.02)
    assert task.objectives[0].classes == task.vocabulary


def test_the_generator_alone_decides_the_batch(task: ByteModelling) -> None:
    before = torch.random.get_rng_state()
    one, two = (task.sample(seeded(4), 5, 61, "train") for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.dependency_length, two.dependency_length)


def test_the_text_identifies_the_data(task: ByteModelling, corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(corpus.read_text("utf-8").replace("cat", "cow"), "utf-8")
    changed = ByteModelling("decoder", corpus=str(other), evaluation_lengths=(128,))
    changed.prepare(tmp_path)
    assert task.fingerprint() != changed.fingerprint() != ""


def test_the_embedded_corpus_has_room_for_the_longest_sequences() -> None:
    task = ByteModelling("decoder")
    task.prepare(cache_root())
    batch = task.sample(seeded(5), 64, 1024, "test")
    copied = batch.dependency_length > 0
    assert 0.2 < float(copied.float().mean()) < 0.8
    assert 0.1 < task.objectives[0].chance < 0.2


def test_a_corpus_without_room_for_a_sequence_is_refused(corpus: Path, tmp_path: Path) -> None:
    task = ByteModelling("decoder", corpus=str(corpus), evaluation_lengths=(128, 4096))
    with pytest.raises(UserError, match=r"bytes in its test split, and a sequence takes 4097"):
        task.prepare(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"context": 0}, "give 1 to 6 bytes"), ({"length": 0}, "lengths must be 1 or more; got 0")],
)
def test_sizes_that_make_no_sense_are_refused(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ByteModelling("decoder", **parameters)  # type: ignore[arg-type]


def test_a_single_document_is_divided_by_its_sentences(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(corpus.read_text("utf-8").replace("\n\n", "\n"), "utf-8")
    task = ByteModelling("decoder", corpus=str(path), length=61, evaluation_lengths=(61,))
    task.prepare(tmp_path / "cache")
    lines = {
        name: {line for line in bytes(text.tolist()).decode().split("\n") if line}
        for name, text in task._text.items()
    }
    assert sum(map(len, lines.values())) == 200
    assert len(lines["train"]) > 150
    assert all(lines.values())
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"body": "a"}\n')
    with pytest.raises(UserError, match="--text-column"):
        ByteModelling("decoder", corpus=str(rows)).prepare(tmp_path / "cache")
