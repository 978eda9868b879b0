"""Heads: the probe finds what the states hold and nothing else, and each arc counts at its own length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Answers, UserError
from posharness_tasks.readings import Heads
from posharness_tasks.readings.heads.arcs import Arcs
from posharness_tasks.readings.heads.parses import Parse, batch_parses, word_states
from posharness_tasks.readings.heads.relations import STRATA, stratum
from posharness_tasks.readings.heads.split import PARTS, parts
from posharness_tasks.text.treebank import Sentence, Word, read_treebank

from .models import FIRST, TREEBANK, Words, accuracy, ask, same, seeded
from .trees import parsed, random_trees, written

NAMES = [f"h{head}" for head in range(8)]
TREES = random_trees(40, 12)


class Knowing(Words):
    """States hold the word's own number and that of its head."""

    def __init__(self) -> None:
        super().__init__(NAMES, max_length=64)
        self.width = 20

    def inside(self, tokens: Tensor) -> Tensor:
        states = torch.zeros(len(tokens), 20)
        for place, token in enumerate(tokens.tolist()):
            if token in self.names:
                states[place, place] = 1.0
                states[place, 10 + int(self.names[token][1:])] = 1.0
        return states


class Noise(Knowing):
    """States are noise, the same for the same sentence."""

    def inside(self, tokens: Tensor) -> Tensor:
        drawn = seeded(hash(tuple(tokens.tolist())) % 2**31)
        return torch.randn(len(tokens), 20, generator=drawn)


class Forgetting(Knowing):
    """Knows in a layer in the middle what its last states do not hold."""

    def layers(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        noise = Noise().states(tokens, padding)
        return torch.stack([noise, self.states(tokens, padding), noise.flip(2)])


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answers]:
    folder = tmp_path_factory.mktemp("trees")
    return ask(Heads(corpus=written(folder, TREES)), Knowing(), Noise)


def test_the_probe_finds_heads_that_the_states_hold(answers: dict[str, Answers]) -> None:
    assert accuracy(answers[""]) > 0.97
    assert float(answers[""].log_prob.exp().mean()) > 0.9
    assert accuracy(answers["untrained encoder"]) < 0.4


def test_it_does_not_matter_in_which_layer_they_are(tmp_path: Path) -> None:
    answers = ask(Heads(corpus=written(tmp_path, TREES)), Forgetting(), Noise)
    assert accuracy(answers[""]) > 0.9


def test_the_probe_finds_nothing_in_noise(tmp_path: Path) -> None:
    found = ask(Heads(corpus=written(tmp_path, TREES)), Noise(), Noise)
    trained, control = found[""], found["untrained encoder"]
    assert accuracy(trained) < 0.4
    # One seed for both probes: on the same states they are the same probe.
    assert torch.equal(trained.log_prob, control.log_prob)


def test_rows_are_the_treebanks_own_arcs(answers: dict[str, Answers], tmp_path: Path) -> None:
    sentences = parsed(tmp_path, TREES)
    documents = [sentences[begin : begin + 12] for begin in range(0, len(sentences), 12)]
    test = [n for n, part in enumerate(parts(documents)) if part == 2]
    assert 3 * 12 <= len(test) <= 5 * 12
    recall = answers[""]
    expected = {
        (n, index): (abs(word.head - index) if word.head else -1, stratum(word.relation, index, word.head))
        for n in test
        for index, word in enumerate(sentences[n].words, start=1)
        if word.relation != "punct"
    }
    # One piece each: the position of a word is its number.
    keys = list(zip(recall.sequence.tolist(), recall.position.tolist(), strict=True))
    assert recall.stratum is not None
    values = list(zip(recall.dependency_length.tolist(), recall.stratum.tolist(), strict=True))
    assert dict(zip(keys, values, strict=True)) == expected
    assert keys == sorted(keys, key=lambda key: (len(sentences[key[0]].words), key))
    assert all(
        int(length) == len(sentences[int(n)].words) + 2
        for n, length in zip(recall.sequence, recall.length, strict=True)
    )


def test_precision_counts_the_same_decisions_at_the_length_that_was_picked(
    answers: dict[str, Answers], tmp_path: Path
) -> None:
    found = ask(Heads(corpus=written(tmp_path, TREES)), Noise(), Knowing)
    for made in (answers, found):
        recall, precision = made[""], made["predicted length"]
        assert torch.equal(recall.correct, precision.correct)
        assert torch.equal(recall.position, precision.position)
        right = recall.correct
        assert torch.equal(recall.dependency_length[right], precision.dependency_length[right])
    wrong = ~found[""].correct
    lengths = (found[name].dependency_length[wrong] for name in ("", "predicted length"))
    assert not torch.equal(*lengths)
    precision = found["predicted length"]
    assert precision.stratum is not None
    assert torch.equal(precision.stratum == STRATA.index("root"), precision.dependency_length == -1)


def test_the_sizes_of_the_parts_are_told(tmp_path: Path) -> None:
    reading = Heads(corpus=written(tmp_path, TREES))
    answers = ask(reading, Knowing(), Noise)
    sentences = parsed(tmp_path, TREES)
    assert reading.sizes["test arcs"] == len(answers[""].correct)
    assert reading.sizes["test sentences"] == len(answers[""].sequence.unique())
    totals = {
        what: sum(reading.sizes[f"{part} {what}"] for part in PARTS)
        for what in ("sentences", "words", "arcs")
    }
    words = [word for sentence in sentences for word in sentence.words]
    asked = [word for word in words if word.relation != "punct"]
    assert totals == {"sentences": len(sentences), "words": len(words), "arcs": len(asked)}


def test_chance_is_the_best_constant_answer(tmp_path: Path) -> None:
    # Of five scored words three depend on the next one, one on the one before, and one on none.
    rows = [("h2", 2), ("h3", 3), ("h0", 0), ("h5", 5), ("h4", 3)]
    sentence = parsed(
        tmp_path, [[[(form, form, "X", "_", head, "dep" if head else "root") for form, head in rows]]]
    )
    arcs = Arcs.of([Parse(0, sentence[0], [[5], [6, 7], [8], [9], [10]])])
    assert arcs.chance == pytest.approx(3 / 5)
    assert arcs.position.tolist() == [1, 2, 4, 5, 6]
    assert arcs.length.unique().tolist() == [8]


def test_a_words_state_is_the_mean_of_its_pieces() -> None:
    class Places(Words):
        def inside(self, tokens: Tensor) -> Tensor:
            return torch.arange(len(tokens))[:, None] * torch.ones(self.width)

    model = Places(NAMES)
    parse = [
        Parse(n, Sentence((), "", True), pieces) for n, pieces in enumerate([[[4], [5, 6]], [[7, 8, 9]]])
    ]
    states = word_states(model, parse, lambda done, whole: None)
    assert states[0][:, 0, 0].tolist() == [1.0, 2.5]
    assert states[1][:, 0, 0].tolist() == [2.0]


def test_batches_keep_each_words_own(tmp_path: Path) -> None:
    sentences = parsed(tmp_path, TREES)
    model = Knowing()
    parses = [
        Parse(n, sentence, [[model.ids[word.form]] for word in sentence.words])
        for n, sentence in enumerate(sentences)
    ]
    states = word_states(model, parses, lambda done, whole: None)
    batches = batch_parses(parses, states)
    assert len(batches) > 3
    heads = torch.cat([batch.heads[batch.words] for batch in batches])
    told = torch.cat([batch.states[batch.words] for batch in batches])[:, 0, 10:].argmax(-1)
    assert torch.equal(heads, told)
    assert len(heads) == sum(len(sentence.words) for sentence in sentences)


def test_the_same_generator_gives_the_same_probe(answers: dict[str, Answers], tmp_path: Path) -> None:
    corpus = written(tmp_path, TREES)
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    assert same(answers, ask(Heads(corpus=corpus), Knowing(), Noise))
    assert torch.equal(before, torch.get_rng_state())
    assert not same(answers, ask(Heads(corpus=corpus), Knowing(), Noise, seed=1))


def sentences_of(words: Sequence[int]) -> list[Sentence]:
    word = Word("w", "w", "X", {}, 0, "root")
    return [Sentence((word,) * count, "", start_of_document=False) for count in words]


def shares(documents: Sequence[Sequence[Sentence]]) -> list[float]:
    """The share of the words in each part."""
    words = Counter[int]()
    sentences = [sentence for document in documents for sentence in document]
    for part, sentence in zip(parts(documents), sentences, strict=True):
        words[part] += len(sentence.words)
    return [words[part] / words.total() for part in range(3)]


def is_near(found: list[float]) -> bool:
    return all(
        abs(share - wanted) <= wanted / 3 + 1e-9 for share, wanted in zip(found, (0.8, 0.1, 0.1), strict=True)
    )


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        pytest.param([600, *[1] * 40], 7, id="one long document and many of one sentence"),
        pytest.param([*[1] * 40, 600], 7, id="the long document at the end"),
        pytest.param([900, 150, 50], 20, id="three documents"),
        pytest.param([305], 11, id="one document"),
        pytest.param([15], 5, id="fifteen sentences"),
        pytest.param([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7], 6, id="short documents"),
        pytest.param([20] * 55, 20, id="even documents"),
    ],
)
def test_parts_have_their_share_of_the_words(sizes: list[int], words: int) -> None:
    assert is_near(shares([sentences_of([words] * size) for size in sizes]))


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=100, max_size=150), st.sets(st.integers(1, 99)))
def test_parts_of_any_treebank_of_some_size_have_their_share(words: list[int], cuts: set[int]) -> None:
    ends = sorted({0, *cuts, len(words)})
    assert is_near(shares([sentences_of(words[begin:end]) for begin, end in pairwise(ends)]))


def test_even_documents_are_kept_whole_and_the_same_way_always() -> None:
    documents = [sentences_of([9] * size) for size in (8, 10, 9, 11, 10, 12, 8, 10, 9, 11, 10, 12) * 3]
    dealt = iter(parts(documents))
    whole = [{next(dealt) for _ in document} for document in documents]
    assert {len(part) for part in whole} == {1}
    # Dealt over the whole file: each third of it has documents of every part.
    assert [set.union(*whole[third : third + 12]) for third in (0, 12, 24)] == [{0, 1, 2}] * 3


@pytest.mark.parametrize(
    ("relation", "dependent", "head", "name"),
    [
        ("nsubj:pass", 2, 5, "subject, head right"),
        ("obl:tmod", 5, 2, "oblique, head left"),
        ("vocative", 1, 2, "other, head right"),
        ("root", 3, 0, "root"),
        ("det", 3, 0, "root"),
        ("root", 3, 1, "other, head left"),
        ("advcl:relcl", 9, 3, "modifier clause, head left"),
    ],
)
def test_strata_are_coarse_relations_by_side(relation: str, dependent: int, head: int, name: str) -> None:
    assert STRATA[stratum(relation, dependent, head)] == name
    assert len(STRATA) == len(set(STRATA)) == 23


def test_too_small_a_treebank_is_told(tmp_path: Path) -> None:
    few = Heads(corpus=written(tmp_path, random_trees(1, 5)))
    with pytest.raises(UserError, match=r"the test part of .* has no sentence of two words or more"):
        ask(few, Knowing())


def test_a_model_that_reads_no_whole_sentence_is_told(tmp_path: Path) -> None:
    reading = Heads(corpus=written(tmp_path, random_trees(40, 12, words=40)))
    reader = Words(["h0"], max_length=8)
    reader.pieces = lambda sentences: [[[FIRST] * 3 for _ in words] for words in sentences]  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"the train part of .* that the model can read \(480 sentences"):
        ask(reading, reader)


def test_sentences_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    reader = Knowing()
    reader.max_length = 8
    found = ask(Heads(corpus=written(tmp_path, TREES)), reader, Noise)[""]
    assert int(found.length.max()) == 8
    assert max(map(len, reader.seen)) == 8


@pytest.mark.skipif(not TREEBANK.exists(), reason=f"the treebank is not at {TREEBANK}")
def test_arc_lengths_of_english_web_text() -> None:
    sentences = list(read_treebank(TREEBANK / "en_ewt-ud-dev.conllu"))
    arcs = Arcs.of(
        [Parse(n, sentence, [[5] for _ in sentence.words]) for n, sentence in enumerate(sentences)]
    )
    length = arcs.answers("", arcs.head, arcs.head, torch.zeros(len(arcs.head))).dependency_length
    found = length[length > 0]
    bands = [(1, 1), (2, 2), (3, 3), (4, 5), (6, 9), (10, 19), (20, 999)]
    counts = [int(((found >= low) & (found <= high)).sum()) for low, high in bands]
    shares = [round(100 * count / len(found), 1) for count in counts]
    assert shares == [41.6, 25.8, 13.4, 10.7, 5.6, 2.3, 0.6]
    assert counts[-1] == 122
    assert int((length == -1).sum()) == 2001
