"""Pairs, masks and distances, against a text in which every token tells where it stands."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness_tasks.bert.distance import nearest_copy, nearest_earlier_copy
from posharness_tasks.bert.encoded import Encoded
from posharness_tasks.bert.facts import measure_spans
from posharness_tasks.bert.masking import corrupt
from posharness_tasks.bert.pairs import Negatives, Pairs, draw_pairs, truncated
from posharness_tasks.bert.stream import Stream
from posharness_tasks.bert.vocabulary import CLS, FIRST_PIECE, MASK, PAD, SEP


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def telling(documents: list[list[int]], split: list[int]) -> Encoded:
    """A text of documents of sentences of so many tokens, in which token i is the id FIRST_PIECE + i."""
    sizes = torch.tensor([size for document in documents for size in document])
    total = int(sizes.sum())
    return Encoded(
        tokens=torch.arange(FIRST_PIECE, FIRST_PIECE + total, dtype=torch.int32),
        sentences=torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)]),
        documents=torch.tensor([0, *(len(d) for d in documents)]).cumsum(0),
        split=torch.tensor(split),
        known=torch.zeros(len(sizes), dtype=torch.bool),
        counts=torch.zeros(3, FIRST_PIECE + total, dtype=torch.int64),
        continuing=torch.zeros(FIRST_PIECE + total, dtype=torch.bool),
        digest="",
        tokenizer=Path(),
    )


class Reader:
    """Reads a drawn sequence back: where its parts stand in the text."""

    def __init__(self, text: Encoded) -> None:
        self.text = text
        self.bounds: list[int] = text.sentences[text.documents].tolist()
        self.starts = set(text.sentences.tolist())

    def document(self, token: int) -> int:
        return sum(bound <= token for bound in self.bounds) - 1

    def follows(self, before: int, after: int) -> bool:
        """Whether a token comes directly after another one, in its document or at the start of the next."""
        if self.document(before) == self.document(after):
            return after == before + 1
        own = [i for i, split in enumerate(self.text.split.tolist()) if split == 0]
        following = own[(own.index(self.document(before)) + 1) % len(own)]
        return before + 1 in self.bounds and after == self.bounds[following]

    def parts(self, pairs: Pairs, row: int) -> list[list[int | None]]:
        """Flat positions of A's and of B's tokens, None for a [SEP] inside; the layout is checked."""
        tokens: list[int] = pairs.tokens[row].tolist()
        real = len(tokens) - int(pairs.padding[row].sum())
        assert tokens[0] == CLS
        assert tokens[real - 1] == SEP
        assert all(token == PAD for token in tokens[real:])
        assert not pairs.padding[row, :real].any()
        segments = pairs.segments[row].tolist()
        bound = segments.index(1) if 1 in segments else real
        assert segments == [int(bound <= i < real) for i in range(len(tokens))]
        assert tokens[bound - 1] == SEP
        ends = [bound - 1, real - 1]
        words = [token not in (CLS, SEP, PAD) for token in tokens]
        assert pairs.words[row].tolist() == words
        found = [tokens[1 : ends[0]]] + ([tokens[bound : ends[1]]] if bound < real else [])
        return [[None if token == SEP else token - FIRST_PIECE for token in part] for part in found]

    def check(self, part: list[int | None]) -> list[int]:
        """The text positions of a part, which must be running text with [SEP] between documents."""
        for one, other in pairwise(part):
            if one is not None and other is not None:
                assert other == one + 1
                assert self.document(one) == self.document(other)
        for one, gap, other in zip(part, part[1:], part[2:], strict=False):
            if gap is None and one is not None and other is not None:
                assert self.follows(one, other)
        positions = [token for token in part if token is not None]
        assert len(set(positions)) == len(positions)
        assert all(self.text.split[self.document(token)] == 0 for token in positions)
        return positions


@st.composite
def texts(draw: st.DrawFn) -> Encoded:
    sentence = st.integers(1, 12)
    documents = draw(st.lists(st.lists(sentence, min_size=1, max_size=6), min_size=3, max_size=8))
    split = [0, 0, *(draw(st.integers(0, 2)) for _ in documents[2:])]
    return telling(documents, split)


@settings(max_examples=200, deadline=None)
@given(texts(), st.integers(5, 90), st.integers(0, 2**31), st.sampled_from(["random", "order", "both"]))
def test_pairs_are_what_the_recipe_says(text: Encoded, length: int, seed: int, negatives: Negatives) -> None:
    stream, reader = Stream.of(text, "train"), Reader(text)
    pairs = draw_pairs(seeded(seed), 16, length, stream, negatives)
    assert not (pairs.random & pairs.swapped).any()
    assert negatives != "random" or not pairs.swapped.any()
    assert pairs.tokens.shape == (16, length)
    for row in range(16):
        a, b = (reader.check(part) for part in reader.parts(pairs, row))
        assert a
        assert b
        assert not set(a) & set(b)
        if pairs.random[row]:
            assert not {reader.document(token) for token in a} & {reader.document(token) for token in b}
        else:
            first, second = (b, a) if pairs.swapped[row] else (a, b)
            # In the order of the text, from A's first token on: A, a sentence that has the one before it in
            # its own document, B. Nothing but truncation, at either end of either part, takes them apart.
            place = {token: offset for offset, token in enumerate(order(stream))}
            far = {token: (place[token] - place[first[0]]) % len(place) for token in place}
            cuts = reader.starts - set(reader.bounds)
            assert far[first[-1]] < far[second[0]] <= far[second[-1]]
            assert any(far[first[-1]] < far[cut] <= far[second[0]] for cut in cuts & set(place))


def order(stream: Stream) -> list[int]:
    """The text positions in the order of the stream."""
    tokens, between = stream.read(torch.arange(stream.size))
    return (tokens[~between] - FIRST_PIECE).tolist()


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 60))
def test_truncation_takes_tokens_from_the_longer_one_by_one(a: int, b: int, target: int) -> None:
    shorter = tuple(int(x) for x in truncated(*(torch.tensor([x]) for x in (a, b, target))))
    while a + b > target:
        a, b = (a - 1, b) if a > b else (a, b - 1)
    assert shorter == (a, b)


@settings(max_examples=100, deadline=None)
@given(texts(), st.integers(3, 90), st.integers(0, 2**31))
def test_without_pairs_a_sequence_is_running_text_from_a_sentence_on(
    text: Encoded, length: int, seed: int
) -> None:
    stream, reader = Stream.of(text, "train"), Reader(text)
    pairs = draw_pairs(seeded(seed), 16, length, stream, "none")
    for row in range(16):
        (part,) = reader.parts(pairs, row)
        positions = reader.check(part)
        assert positions[0] in reader.starts
        # Filled to the last token, unless all text of the split is there.
        assert len(part) == min(length - 2, stream.size - 1)
    assert not pairs.segments.any()


def test_a_stream_leaves_out_what_stands_in_training_too() -> None:
    text = telling([[2, 3, 4], [5], [6, 7], [1, 1]], [2, 2, 2, 0])
    text.known[torch.tensor([1, 3])] = True
    stream = Stream.of(text, "test", without_known=True)
    assert order(stream) == [0, 1, *range(5, 9), *range(14, 27)]
    assert stream.documents.tolist() == [0, 2, 4]
    assert stream.continuing.tolist() == [1, 3]
    assert order(Stream.of(text, "test")) == list(range(27))


def long_documents() -> Encoded:
    sizes = torch.randint(3, 30, (40, 25), generator=seeded(1)).tolist()
    return telling(sizes, [0] * 40)


@pytest.mark.parametrize("length", [16, 64, 700])
@pytest.mark.parametrize("negatives", ["random", "order", "both"])
def test_as_many_pairs_are_wrong_as_the_majority_rate_says(length: int, negatives: Negatives) -> None:
    stream = Stream.of(long_documents(), "train")
    drawn = draw_pairs(seeded(2), 40_000 if length < 100 else 4000, length, stream, negatives)
    facts = measure_spans(stream, length, negatives)
    # Four standard errors of a proportion.
    close = 4 * 0.5 / len(drawn.tokens) ** 0.5
    wrong = float((drawn.random | drawn.swapped).double().mean())
    assert wrong == pytest.approx(facts.majority, abs=close)
    # Where there is a place to cut at, half of the pairs are wrong, and so many of all are swapped.
    assert facts.majority == pytest.approx(0.5 + 0.5 * facts.alone, abs=close)
    share = {"random": 0.0, "both": 0.25, "order": 0.5}[negatives]
    assert float(drawn.swapped.double().mean()) == pytest.approx(share * (1 - facts.alone), abs=close)
    assert facts.alone > 0.1 if length == 16 else facts.alone < 0.1
    assert facts.real == pytest.approx(float((~drawn.padding).double().mean()), abs=0.01)


def test_hard_negatives_stand_where_random_ones_would() -> None:
    stream = Stream.of(long_documents(), "train")
    plain, hard = draw_pairs(seeded(2), 2000, 64, stream), draw_pairs(seeded(2), 2000, 64, stream, "order")
    assert (plain.random == (hard.random | hard.swapped)).all()
    assert hard.random.any()


def test_a_tenth_of_the_pairs_is_drawn_shorter() -> None:
    # One sentence of one token after the other: every target is reached exactly.
    text = telling([[1] * 40_000] * 8, [0] * 8)
    pairs = draw_pairs(seeded(3), 40_000, 64, Stream.of(text, "train"))
    sizes = (~pairs.padding).sum(1) - 3
    # Of the short ones, each of 2 to 61 tokens is as likely, so 1 in 60 of them is as long as the others.
    short = sizes < 61
    assert float(short.double().mean()) == pytest.approx(0.1 * 59 / 60, abs=0.01)
    assert sizes[short].bincount(minlength=61)[2:61].double().tolist() == pytest.approx(
        [4000 / 60] * 59, abs=5 * (4000 / 60) ** 0.5
    )


@pytest.mark.parametrize("length", [64, 1000])
def test_nine_in_ten_pairs_fill_their_length_and_truncation_takes_both_ends(length: int) -> None:
    text = long_documents()  # of 400 tokens each
    pairs = draw_pairs(seeded(3), 4000, length, Stream.of(text, "train"))
    full = (~pairs.padding).all(1)
    # Of a tenth the target is shorter, and of a few of these it is not.
    assert 0.87 < float(full.double().mean()) < 0.92
    starts = torch.zeros(len(text.tokens), dtype=torch.bool)
    starts[text.sentences[:-1]] = True
    begins_late = ~starts[pairs.tokens[full, 1] - FIRST_PIECE]
    assert 0.05 < float(begins_late.double().mean()) < 0.95


def test_a_split_that_is_shorter_than_its_sequences_is_never_repeated() -> None:
    text = telling([[5, 6], [7, 8], [9, 4]], [0, 0, 0])
    stream = Stream.of(text, "train")
    drawn = draw_pairs(seeded(3), 500, 100, stream)
    # A, B and up to one [SEP] for each document; with [CLS] and two more of them.
    assert int((~drawn.padding).sum(1).max()) <= 39 + 3 + 3
    assert measure_spans(stream, 100, "random").real < 0.5


def test_the_other_place_is_uniform_outside_the_document() -> None:
    # Each sentence fills the sequence, so that every pair is random and starts where it was drawn.
    text = telling([[1], [1, 1], [1, 1, 1]], [0, 0, 0])
    pairs = draw_pairs(seeded(4), 60_000, 5, Stream.of(text, "train"))
    first, second = (pairs.tokens[pairs.random][:, place] - FIRST_PIECE for place in (1, 3))
    document = torch.tensor([0, 1, 1, 2, 2, 2])
    for own, outside in ((0, [1, 2, 3, 4, 5]), (1, [0, 3, 4, 5]), (2, [0, 1, 2])):
        counts = second[document[first] == own].bincount(minlength=6).double()
        share = counts / counts.sum()
        assert share[outside].tolist() == pytest.approx([1 / len(outside)] * len(outside), abs=0.02)


def drawn_pairs(n: int, length: int) -> Pairs:
    return draw_pairs(seeded(5), n, length, Stream.of(long_documents(), "train"))


def test_as_many_tokens_are_chosen_as_the_recipe_says() -> None:
    pairs = drawn_pairs(400, 64)
    for rate in (0.15, 0.01, 0.5):
        _, chosen = corrupt(seeded(6), pairs.tokens, pairs.words, rate=rate, vocabulary=20_000)
        assert not (chosen & ~pairs.words).any()
        assert chosen.sum(1).tolist() == [
            max(1, round(rate * words)) for words in pairs.words.sum(1).tolist()
        ]


def test_chosen_tokens_are_masked_replaced_and_kept_eight_to_one_to_one() -> None:
    pairs = drawn_pairs(4000, 64)
    shown, chosen = corrupt(seeded(7), pairs.tokens, pairs.words, rate=0.15, vocabulary=20_000)
    assert (shown[~chosen] == pairs.tokens[~chosen]).all()
    before, after = pairs.tokens[chosen], shown[chosen]
    masked, kept = after == MASK, after == before
    replaced = after[~masked & ~kept]
    assert len(after) > 30_000
    shares = [float(x) / len(after) for x in (masked.sum(), len(replaced), kept.sum())]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.008)
    assert int(replaced.min()) >= FIRST_PIECE
    assert float(replaced.double().mean()) == pytest.approx((FIRST_PIECE + 20_000) / 2, rel=0.03)


def test_every_word_is_as_likely_to_be_chosen() -> None:
    words = torch.zeros(20_000, 23, dtype=torch.bool)
    words[:, 1:18] = True
    _, chosen = corrupt(seeded(8), torch.full(words.shape, 9), words, rate=0.15, vocabulary=50)
    # round(.15 · 17) = 3 of 17.
    assert chosen.double().mean(0)[1:18].tolist() == pytest.approx([3 / 17] * 17, abs=0.012)


def continuing_at_random(words: Tensor, share: float) -> Tensor:
    return torch.rand(words.shape, generator=seeded(10)) < share


def test_whole_words_are_chosen_whole_and_never_more_than_the_share() -> None:
    pairs = drawn_pairs(2000, 64)
    continuing = continuing_at_random(pairs.words, 0.25)
    shown, chosen = corrupt(
        seeded(9), pairs.tokens, pairs.words, rate=0.15, vocabulary=20_000, continuing=continuing
    )
    assert not (chosen & ~pairs.words).any()
    # A piece that goes on with a word is chosen with the one before it; after [CLS] or [SEP] a word begins.
    inside = pairs.words[:, 1:] & pairs.words[:, :-1] & continuing[:, 1:]
    assert (chosen[:, 1:] == chosen[:, :-1])[inside].all()
    wanted = (pairs.words.sum(1).double() * 0.15).round().clamp(min=1)
    counts = chosen.sum(1)
    assert (counts >= 1).all()
    long = pairs.words.sum(1) > 20
    assert (counts <= wanted)[long].all()
    # Single pieces fill up what is left: hardly a sequence has to do with less.
    assert float((counts == wanted)[long].double().mean()) > 0.97
    after = shown[chosen]
    shares = [float((after == MASK).double().mean()), float((after == pairs.tokens[chosen]).double().mean())]
    assert shares == pytest.approx([0.8, 0.1], abs=0.015)


def test_a_word_is_chosen_even_where_all_are_longer_than_the_share() -> None:
    words = torch.zeros(500, 13, dtype=torch.bool)
    words[:, 1:11] = True
    # Words of three, two and five pieces, of which round(.15 · 10) = 2 pieces are wanted.
    continuing = torch.zeros_like(words)
    continuing[:, [2, 3, 5, 7, 8, 9, 10]] = True
    _, chosen = corrupt(
        seeded(11), torch.full(words.shape, 9), words, rate=0.15, vocabulary=50, continuing=continuing
    )
    assert (chosen.nonzero()[:, 1].view(500, 2) == torch.tensor([4, 5])).all()
    continuing[:, 4] = True  # and now of five and five, from which one is drawn
    continuing[:, 6] = False
    _, chosen = corrupt(
        seeded(11), torch.full(words.shape, 9), words, rate=0.15, vocabulary=50, continuing=continuing
    )
    assert (chosen.sum(1) == 5).all()
    assert 0.4 < float(chosen[:, 1].double().mean()) < 0.6


def test_without_pieces_that_go_on_whole_words_are_single_tokens() -> None:
    pairs = drawn_pairs(300, 64)
    _, chosen = corrupt(
        seeded(12), pairs.tokens, pairs.words, rate=0.15, vocabulary=99,
        continuing=torch.zeros_like(pairs.words),
    )  # fmt: skip
    assert chosen.sum(1).tolist() == [max(1, round(0.15 * n)) for n in pairs.words.sum(1).tolist()]


def literal_distance(shown: list[int], original: list[int], position: int) -> int:
    copies = [
        abs(position - other)
        for other, token in enumerate(shown)
        if other != position and token == original[position]
    ]
    return min(copies, default=-1)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(2, 17), st.integers(2, 9), st.integers(0, 2**31))
def test_the_distance_is_that_to_the_nearest_visible_copy(b: int, n: int, kinds: int, seed: int) -> None:
    generator = seeded(seed)
    original = torch.randint(FIRST_PIECE, FIRST_PIECE + kinds, (b, n), generator=generator)
    words = torch.rand(b, n, generator=generator) < 0.8
    shown, chosen = corrupt(generator, original, words, rate=0.3, vocabulary=FIRST_PIECE + kinds)
    asked: Tensor = chosen & (shown == MASK)
    distance = nearest_copy(shown, original, asked)
    for row in range(b):
        for position in range(n):
            expected = -1
            if asked[row, position]:
                expected = literal_distance(shown[row].tolist(), original[row].tolist(), position)
            assert distance[row, position] == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(2, 17), st.integers(2, 9), st.integers(0, 2**31))
def test_a_decoder_looks_back_to_the_nearest_earlier_copy(b: int, n: int, kinds: int, seed: int) -> None:
    generator = seeded(seed)
    tokens = torch.randint(FIRST_PIECE, FIRST_PIECE + kinds, (b, n), generator=generator)
    asked = torch.rand(b, n, generator=generator) < 0.5
    distance = nearest_earlier_copy(tokens, asked)
    for row in range(b):
        text = tokens[row].tolist()
        for position in range(n):
            # The prediction is made one position before the token.
            seen = [position - 1 - other for other in range(position) if text[other] == text[position]]
            expected = min(seen, default=-1) if asked[row, position] else -1
            assert distance[row, position] == expected
