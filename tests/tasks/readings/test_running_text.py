"""Nearest copy and truncation, on texts whose words return at known distances."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor

from posharness.contracts import UserError
from posharness_tasks.readings import NearestCopy, Truncation
from posharness_tasks.readings.sequences import draw_targets, pack_sequences

from .models import CLS, FIRST, MASK, SEP, TREEBANK, Constant, Words, accuracy, ask, same, seeded

PERIOD = 5
NAMES = [a + b for a in "abcdef" for b in "uvwxyz"]


def texts(periods: int, count: int = 30) -> list[list[str]]:
    """Documents of five words that are said so many times over."""
    order = [torch.randperm(len(NAMES), generator=seeded(n))[:PERIOD].tolist() for n in range(count)]
    return [[NAMES[n] for n in words] * periods for words in order]


def written(folder: Path, documents: list[list[str]]) -> str:
    path = folder / "text.txt"
    path.write_text("\n\n".join(" ".join(document) for document in documents), "utf-8")
    return str(path)


class Echo(Words):
    """Answers what stands five tokens before the mask, or where that is nothing, five after it."""

    def guess(self, tokens: Tensor, place: int) -> int:
        before, after = place - PERIOD, place + PERIOD
        return int(tokens[before if before > 0 else min(after, len(tokens) - 2)])


def test_a_model_that_looks_at_the_nearest_copy_is_right_until_it_is_hidden(tmp_path: Path) -> None:
    documents = texts(periods=2)
    model = Echo(NAMES)
    answers = ask(NearestCopy(corpus=written(tmp_path, documents)), model)
    plain, occluded, other = (answers[name] for name in NearestCopy.conditions)
    assert len(plain.correct) == len(occluded.correct) == len(other.correct) == 30 * 2 * PERIOD
    for asked in (plain, occluded, other):
        assert asked.dependency_length.unique().tolist() == [PERIOD]
        assert torch.equal(asked.sequence, plain.sequence)
        assert torch.equal(asked.position, plain.position)
        assert asked.length.unique().tolist() == [2 * PERIOD + 2]
    assert (accuracy(plain), accuracy(occluded), accuracy(other)) == (1.0, 0.0, 1.0)
    assert bool((plain.log_prob > -0.01).all())
    assert bool((occluded.log_prob < -15).all())


def test_one_token_is_hidden_and_only_the_nearest_copies_are_replaced(tmp_path: Path) -> None:
    documents = texts(periods=3, count=8)
    model = Echo(NAMES)
    answers = ask(NearestCopy(corpus=written(tmp_path, documents)), model)
    # The rows of the three objectives are asked one after the other; equal lengths keep their order.
    plain, occluded, other = torch.tensor(model.seen).chunk(3)
    whole = torch.tensor([[CLS, *(model.ids[word] for word in words), SEP] for words in documents])
    for n, (sequence, place) in enumerate(zip(*(answers[""].sequence, answers[""].position), strict=True)):
        text = whole[sequence]
        assert plain[n].tolist() == [MASK if i == place else t for i, t in enumerate(text.tolist())]
        copies = [i for i in (int(place) - PERIOD, int(place) + PERIOD) if 0 < i <= 3 * PERIOD]
        assert (occluded[n] != plain[n]).nonzero()[:, 0].tolist() == copies
        replaced = (other[n] != plain[n]).nonzero()[:, 0]
        assert len(replaced) == len(copies)
        assert text[place] not in text[replaced]
        assert all(abs(abs(int(i) - int(place)) - PERIOD) <= 2 for i in replaced)
        # The same random tokens in both, and never the hidden one.
        assert occluded[n][copies].sort().values.tolist() == other[n][replaced].sort().values.tolist()
        assert text[place] not in occluded[n][copies]


@pytest.mark.parametrize(("after", "places"), [(3, [[2], [8]]), (4, [[9]])])
def test_the_other_token_stands_as_far_on_the_other_side_if_it_can(
    after: int, places: list[list[int]], tmp_path: Path
) -> None:
    model = Echo(NAMES)
    words = ["au", "av", "aw", "ax", "au", "ay", "az", "bu", "bv"][: 5 + after]
    ask(NearestCopy(corpus=written(tmp_path, [words])), model)
    # "au" at 5 has its copy at 1, four tokens away; so would 9 be, if it is not the end of the sequence.
    fifth = [row for row in model.seen if row[5] == MASK]
    changed = [[i for i, token in enumerate(row) if token != fifth[0][i]] for row in fifth]
    assert changed[:2] == [[], [1]]
    assert changed[2] in places


def test_a_token_without_a_copy_has_no_distance_and_no_control(tmp_path: Path) -> None:
    answers = ask(NearestCopy(corpus=written(tmp_path, texts(periods=1))), Echo(NAMES))
    assert list(answers) == [""]
    assert answers[""].dependency_length.unique().tolist() == [-1]


def test_who_does_not_look_gets_what_chance_gets(tmp_path: Path) -> None:
    words = ["au", "au", "au", "av", "aw", "au", "ax", "av"]
    model = Constant(NAMES)
    model.answer = "au"
    for reading in (NearestCopy, Truncation):
        answers = ask(reading(corpus=written(tmp_path, [words])), model)[""]
        assert accuracy(answers) == pytest.approx(answers.chance) == 0.5


@pytest.mark.parametrize("reading", [NearestCopy, Truncation])
def test_the_same_generator_asks_the_same(reading: type[NearestCopy], tmp_path: Path) -> None:
    corpus = written(tmp_path, texts(periods=3))
    made = [ask(reading(corpus=corpus, predictions=50), Echo(NAMES), seed=seed) for seed in (1, 1, 2)]
    assert same(made[0], made[1])
    assert not same(made[0], made[2])
    assert len(made[0][""].correct) == (50 if reading is NearestCopy else 50 * 5)


def test_a_radius_shorter_than_the_distance_hides_the_copy(tmp_path: Path) -> None:
    model = Echo(NAMES)
    asked = ask(Truncation(corpus=written(tmp_path, texts(periods=2))), model)[""]
    rungs = [1, 2, 4, 8, 16]
    assert Truncation.distance == "span"
    assert asked.dependency_length.unique().tolist() == rungs
    by_radius = [accuracy(asked, asked.dependency_length == r) for r in rungs]
    assert by_radius == [0.0, 0.0, 0.0, 1.0, 1.0]
    for r, row, place in zip(asked.dependency_length, model.seen, asked.position, strict=True):
        shown = [i for i, token in enumerate(row) if token >= FIRST]
        assert len(row) == 2 * PERIOD + 2
        assert shown == [i for i in range(1, len(row) - 1) if 0 < abs(i - int(place)) <= r]
        assert (row[0], row[-1]) == (CLS, SEP)


def test_strata_tell_frequent_words_from_rare_ones_and_from_pieces() -> None:
    model = Words(NAMES)
    document = [["au"] * 6, ["av", "aw", "ax+ay", "az"]]
    targets = draw_targets(model, list(pack_sequences(model, document, 128)), 99, seeded(0))
    named = Counter(
        (model.names[int(token)], int(s)) for token, s in zip(targets.token, targets.stratum, strict=True)
    )
    assert named == {("au", 0): 6, ("av", 1): 1, ("aw", 1): 1, ("ax", 2): 1, ("ay", 2): 1, ("az", 1): 1}


def test_every_token_is_as_likely_to_be_asked() -> None:
    model = Words(NAMES)
    packed = list(pack_sequences(model, [NAMES[:9], NAMES[9:20]], 12))
    drawn = [draw_targets(model, packed, 4, seeded(seed)).token.tolist() for seed in range(500)]
    assert all(len(set(tokens)) == 4 for tokens in drawn)
    counts = Counter(token for tokens in drawn for token in tokens)
    assert len(counts) == 20
    assert all(60 < count < 145 for count in counts.values())  # 100 expected


def test_packing_keeps_sentences_whole_and_cuts_only_the_longest() -> None:
    model = Words(NAMES)
    document = [NAMES[:3], NAMES[3:5], NAMES[5:8], NAMES[8:25], NAMES[25:26], ["aw+ax", "~"]]
    rows = [packed.tokens.tolist() for packed in pack_sequences(model, document, 10)]
    assert all(row[0] == CLS and row[-1] == SEP for row in rows)
    said = [[model.names.get(token, "~") for token in row[1:-1]] for row in rows]
    assert said == [NAMES[:8], NAMES[8:16], NAMES[16:24], [*NAMES[24:26], "aw", "ax", "~"]]
    assert [packed.whole.tolist() for packed in pack_sequences(model, document, 10)][-1][3:] == [
        False,
        False,
        True,
        False,
    ]


def test_a_word_that_the_tokenizer_drops_is_a_mask_and_is_never_asked(tmp_path: Path) -> None:
    model = Echo(NAMES)
    answers = ask(NearestCopy(corpus=written(tmp_path, [["au", "~", "av"]])), model)[""]
    assert answers.position.tolist() == [1, 3]
    assert all(row[2] == MASK for row in model.seen)
    with pytest.raises(UserError, match="knows no word"):
        ask(NearestCopy(corpus=written(tmp_path, [["~", "~"]])), model)


def test_the_models_own_limit_counts(tmp_path: Path) -> None:
    model = Echo(NAMES, max_length=9)
    answers = ask(NearestCopy(corpus=written(tmp_path, texts(periods=4))), model)[""]
    assert int(answers.length.max()) == 9
    assert len(answers.correct) == 30 * 4 * PERIOD
    with pytest.raises(UserError, match="sequences of 7 tokens are too short for text"):
        ask(NearestCopy(corpus=written(tmp_path, texts(periods=4))), Echo(NAMES, max_length=7))


def test_a_long_file_is_thinned_evenly(tmp_path: Path) -> None:
    documents = [[NAMES[n % 36]] * 3 for n in range(400)]
    reading = NearestCopy(corpus=written(tmp_path, documents), sentences=36)
    model = Echo(NAMES)
    answers = ask(reading, model)[""]
    assert len({int(s) for s in answers.sequence}) == 36
    assert len(answers.correct) == 3 * 36
    assert len({token for row in model.seen for token in row if token >= FIRST}) > 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"corpus": ""}, "no text to read was given"),
        ({"corpus": "no/such/file.conllu"}, "there is no file 'no/such/file.conllu'"),
        ({"corpus": "EMPTY"}, "has no words"),
        ({"corpus": "TEXT", "length": 4}, "sequences of 4 tokens are too short for text"),
        ({"corpus": "TEXT", "predictions": 0}, "give one or more"),
    ],
)
def test_mistakes_are_told(given: dict[str, object], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    places = {"EMPTY": str(tmp_path / "empty.txt"), "TEXT": written(tmp_path, texts(periods=2))}
    given["corpus"] = places.get(str(given["corpus"]), given["corpus"])
    with pytest.raises(UserError, match=said):
        ask(NearestCopy(**given), Echo(NAMES))  # type: ignore[arg-type]


def test_the_fingerprint_is_the_text(tmp_path: Path) -> None:
    found = []
    for periods in (1, 2, 2):
        reading = NearestCopy(corpus=written(tmp_path, texts(periods=periods)))
        assert reading.fingerprint() == ""
        reading.prepare(tmp_path)
        found.append(reading.fingerprint())
    assert found[0] != found[1] == found[2]


@pytest.mark.skipif(not TREEBANK.exists(), reason=f"the treebank is not at {TREEBANK}")
def test_english_web_text_is_packed_by_document(tmp_path: Path) -> None:
    from posharness_tasks.readings.documents import text_documents

    documents = list(text_documents(TREEBANK / "en_ewt-ud-dev.conllu"))
    words = sorted({word for document in documents for sentence in document for word in sentence})
    assert (len(documents), sum(map(len, documents))) == (318, 2001)
    model = Words([*words, "+", "~"])
    model.pieces = lambda sentences: [[[model.ids[w]] for w in s] for s in sentences]  # type: ignore[method-assign]
    packed = [list(pack_sequences(model, document, 128)) for document in documents]
    assert sum(len(text.tokens) - 2 for texts_ in packed for text in texts_) == 25147
    assert max(len(text.tokens) for texts_ in packed for text in texts_) <= 128
    targets = draw_targets(model, [text for texts_ in packed for text in texts_], 3000, seeded(0))
    # The frequent types make up half of the text, as near as whole types allow.
    assert 0.47 < float((targets.stratum == 0).float().mean()) < 0.54
