"""Work that is spread over processes gives what one process gives, in order, and holds back what it reads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from posharness.contracts import UserError
from posharness_tasks.bert import workers
from posharness_tasks.bert.pieces import encode_lines
from posharness_tasks.bert.workers import apart, each, spread
from posharness_tasks.text.sentences import split_sentences


def slow(number: int) -> tuple[int, int]:
    time.sleep(0.01 * (number % 3))
    if number == 99:
        raise UserError("the 99th is bad")
    return number * number, os.getpid()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


@pytest.mark.usefixtures("processes")
def test_results_come_in_order_from_several_processes_and_reading_is_held_back() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(40):
            read.append(number)
            yield number

    found = []
    for square, process in spread(slow, items()):
        found.append(square)
        assert process != os.getpid()
        assert len(read) <= len(found) + 5
    assert found == [number * number for number in range(40)]


def test_a_single_item_needs_no_process() -> None:
    assert list(spread(slow, iter([3]))) == [(9, os.getpid())]
    assert list(spread(slow, iter([]))) == []


def one(number: int) -> tuple[int, int]:
    if number < 0:
        raise UserError("negative")
    return number, os.getpid()


@pytest.mark.usefixtures("processes")
def test_what_is_done_apart_is_done_elsewhere() -> None:
    number, process = apart(one, 4)
    assert number == 4
    assert process != os.getpid()
    with pytest.raises(UserError, match="negative"):
        apart(one, -1)


@pytest.mark.usefixtures("processes")
def test_errors_of_the_work_and_of_what_is_read_arrive() -> None:
    with pytest.raises(UserError, match="the 99th is bad"):
        list(spread(slow, range(90, 110)))

    def broken() -> Iterator[int]:
        yield from range(10)
        raise UserError("line 10 is bad")

    with pytest.raises(UserError, match="line 10 is bad"):
        list(spread(slow, broken()))


@pytest.mark.usefixtures("processes")
def test_texts_are_split_alike_in_one_process_and_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Number {i} is here. It is {'very ' * (i % 7)}long." for i in range(300)]
    monkeypatch.setattr(workers, "_BATCH", 1000)
    assert list(each(split_sentences, texts)) == [split_sentences(text) for text in texts]


def tokenizer() -> Tokenizer:
    pieces = ["[UNK]", *"abé,'中", *("##" + c for c in "abé'"), "ab", "##ba", "[MASK]"]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


WORD = st.text(alphabet="abABéÉ,'中x\u0301\u200b[MASK]", min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(st.lists(WORD, max_size=6).map(" ".join), min_size=1, max_size=8))
def test_encoding_by_distinct_words_is_encoding_by_lines(lines: list[str]) -> None:
    expected = [encoding.ids for encoding in tokenizer().encode_batch(lines, add_special_tokens=False)]
    found = encode_lines(tokenizer(), lines)
    assert found.ids.tolist() == [number for ids in expected for number in ids]
    assert found.counts.tolist() == [len(ids) for ids in expected]
    assert found.blank.tolist() == [line == "" for line in lines]
