"""Agreement: which pairs a treebank gives, and what models that look at the subject or beside it get."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor

from posharness.contracts import UserError
from posharness_tasks.readings import SubjectVerb
from posharness_tasks.readings.subject_verb.minimal_pairs import collect_forms, find_pairs
from posharness_tasks.text.treebank import read_treebank

from .models import MASK, TREEBANK, Constant, Words, accuracy, ask, same
from .trees import Row, parsed, written

PRESENT = "Mood=Ind|Number={}|Person=3|Tense=Pres|VerbForm=Fin"


def noun(form: str, number: str, head: int, relation: str, upos: str = "NOUN") -> Row:
    return (form, form, upos, f"Number={number}", head, relation)


def verb(
    form: str, lemma: str, number: str, head: int = 0, relation: str = "root", upos: str = "VERB"
) -> Row:
    return (form, lemma, upos, PRESENT.format(number), head, relation)


def plain(form: str, head: int, relation: str = "dep", upos: str = "X", feats: str = "_") -> Row:
    return (form, form, upos, feats, head, relation)


SING, PLUR = "Sing", "Plur"
# Each sentence, and of its pairs: verb, wrong form, distance and attractors.
CASES: dict[str, tuple[list[Row], list[tuple[str, str, int, int]]]] = {
    "singular": ([noun("dog", SING, 2, "nsubj"), verb("runs", "run", SING)], [("runs", "run", 1, 0)]),
    "plural": ([noun("dogs", PLUR, 2, "nsubj"), verb("run", "run", PLUR)], [("run", "runs", 1, 0)]),
    "a verb without VerbForm, as in Turkish": (
        [
            noun("dog", SING, 2, "nsubj"),
            ("runs", "run", "VERB", "Aspect=Prog|Mood=Ind|Number=Sing|Person=3|Tense=Pres", 0, "root"),
        ],
        [("runs", "run", 1, 0)],
    ),
    "an attractor, and capitals": (
        [
            noun("key", SING, 5, "nsubj"),
            plain("to", 4, "case"),
            plain("old", 4, "amod"),
            noun("cabinets", PLUR, 1, "nmod"),
            verb("Runs", "run", SING),
        ],
        [("Runs", "Run", 4, 1)],
    ),
    "four attractors, one of them a name, and a noun of the same number": (
        [
            noun("keys", PLUR, 7, "nsubj"),
            *(noun("box", SING, 1, "nmod") for _ in range(3)),
            noun("Rome", SING, 1, "nmod", "PROPN"),
            noun("boxes", PLUR, 1, "nmod"),
            verb("RUN", "run", PLUR),
        ],
        [("RUN", "RUNS", 6, 4)],
    ),
    "a copula, whose subject is its predicate's": (
        [
            noun("keys", PLUR, 4, "nsubj"),
            noun("box", SING, 1, "nmod"),
            verb("are", "be", PLUR, 4, "cop", "AUX"),
            plain("old", 0, "root", "ADJ"),
        ],
        [("are", "is", 2, 1)],
    ),
    "a subject that follows": (
        [
            verb("is", "be", SING, 3, "aux:pass", "AUX"),
            ("it", "it", "PRON", "Number=Sing|Person=3", 3, "nsubj:pass"),
            plain("seen", 0, "root", "VERB", "Tense=Past|VerbForm=Part"),
        ],
        [("is", "are", 1, 0)],
    ),
    "the past tense is not asked": (
        [
            noun("dog", SING, 2, "nsubj"),
            ("ran", "run", "VERB", PRESENT.format(SING).replace("Pres", "Past"), 0, "root"),
        ],
        [],
    ),
    "nor the second person": (
        [
            ("you", "you", "PRON", "Number=Sing|Person=2", 2, "nsubj"),
            ("run", "run", "VERB", PRESENT.format(SING).replace("3", "2"), 0, "root"),
        ],
        [],
    ),
}  # fmt: skip
LEFT_OUT: dict[str, tuple[list[Row], str]] = {
    "no subject": ([verb("runs", "run", SING)], "subject missing or unclear"),
    "two subjects": (
        [noun("dog", SING, 3, "nsubj"), noun("cat", SING, 3, "nsubj:outer"), verb("runs", "run", SING)],
        "subject missing or unclear",
    ),
    "a pronoun of no number": (
        [plain("who", 2, "nsubj", "PRON", "PronType=Rel"), verb("runs", "run", SING)],
        "subject of another kind",
    ),
    "a subject of the other number": (
        [noun("staff", SING, 2, "nsubj"), verb("run", "run", PLUR)],
        "subject of another kind",
    ),
    "a contraction": (
        [noun("dog", SING, 3, "nsubj"), verb("'s", "be", SING, 3, "cop", "AUX"), plain("old", 0, "root")],
        "unusual form",
    ),
    "no minimal pair": (
        [noun("dog", SING, 2, "nsubj"), verb("sleeps", "sleep", SING)],
        "no other form",
    ),
    "one form for both": (
        [noun("dog", SING, 2, "nsubj"), verb("can", "can", SING)],
        "no other form",
    ),
    "and its plural": ([noun("dogs", PLUR, 2, "nsubj"), verb("can", "can", PLUR)], "no other form"),
}
ALL = [rows for rows, _ in CASES.values()] + [rows for rows, _ in LEFT_OUT.values()]


def test_each_pair_of_a_small_treebank(tmp_path: Path) -> None:
    sentences = parsed(tmp_path, [ALL])
    pairs, left_out = find_pairs(sentences)
    for number, (name, (_, expected)) in enumerate(CASES.items()):
        found = [
            (sentences[number].words[p.verb].form, p.wrong, abs(p.verb - p.subject), p.attractors)
            for p in pairs
            if p.sentence == number
        ]
        assert found == expected, name
    assert all(pair.sentence < len(CASES) for pair in pairs)
    assert left_out == Counter(reason for _, reason in LEFT_OUT.values())


@pytest.mark.parametrize("name", LEFT_OUT)
def test_each_reason_to_leave_a_verb_out(name: str, tmp_path: Path) -> None:
    rows, reason = LEFT_OUT[name]
    both = [CASES["singular"][0], CASES["plural"][0]]
    pairs, left_out = find_pairs(parsed(tmp_path, [[rows, *both]]))
    assert [pair.sentence for pair in pairs] == [1, 2]
    assert left_out == {reason: 1}


def test_forms_are_the_treebanks_commonest_but_of_three_verbs(tmp_path: Path) -> None:
    forms = ("goes", "goeth", "goes")
    rows = [[noun("dog", SING, 2, "nsubj"), verb(form, "go", SING)] for form in forms]
    contracted = [[noun("dog", SING, 2, "nsubj"), verb("'s", "be", SING)]] * 3
    table = collect_forms(parsed(tmp_path, [[*rows, *contracted]]))
    assert table["go"] == {"Sing": "goes"}
    assert table["be"] == {"Sing": "is", "Plur": "are"}


class ByNoun(Words):
    """Picks the verb's number by a noun: the subject, or whichever noun stands next before the verb."""

    subject = True

    def guess(self, tokens: Tensor, place: int) -> int:
        words = [self.names.get(int(token), "") for token in tokens]
        nouns = [word for word in words[:place] if word in ("key", "keys")]
        noun_ = nouns[0] if self.subject else nouns[-1]
        return self.ids["are" if noun_ == "keys" else "is"]


def about_keys() -> list[list[Row]]:
    """Subjects of either number, with nouns of the other number, up to four, or of the same between."""
    made: list[list[Row]] = []
    for number, own, other, form in ((SING, "key", "keys", "is"), (PLUR, "keys", "key", "are")):
        for attractors in range(5):
            for same_number in range(2 if number == SING else 1):
                between = [noun(other, PLUR if number == SING else SING, 1, "nmod")] * attractors
                between += [noun(own, number, 1, "nmod")] * same_number
                last = len(between) + 3
                made.append(
                    [
                        noun(own, number, last, "nsubj"),
                        *between,
                        verb(form, "be", number, last, "cop"),
                        plain("old", 0),
                    ]
                )
    return made


VOCABULARY = ["key", "keys", "is", "are", "old"]


def test_who_looks_at_the_subject_is_right_and_who_looks_beside_it_is_not(tmp_path: Path) -> None:
    corpus = written(tmp_path, [about_keys()])
    model = ByNoun(VOCABULARY)
    right = ask(SubjectVerb(corpus=corpus), model)[""]
    assert len(right.correct) == 15
    assert accuracy(right) == 1.0
    assert bool((right.log_prob > -0.01).all())
    assert right.chance == pytest.approx(10 / 15)
    assert right.stratum is not None
    assert sorted(right.stratum.tolist()) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 6
    # Nothing but the verb is hidden; it stands in one piece for each word.
    assert torch.equal(right.position, right.dependency_length + 1)
    assert all(row.count(MASK) == 1 for row in model.seen)

    model.subject = False
    fooled = ask(SubjectVerb(corpus=corpus), model)[""]
    assert fooled.stratum is not None
    assert accuracy(fooled, fooled.stratum == 0) == 1.0
    # Wherever the last noun is an attractor; a singular one of the same number rescues five.
    assert int((~fooled.correct).sum()) == 4 + 4


def test_who_answers_the_same_always_gets_its_share(tmp_path: Path) -> None:
    model = Constant(VOCABULARY)
    corpus = written(tmp_path, [about_keys()])
    for answer, share in (("is", 10 / 15), ("are", 5 / 15)):
        model.answer = answer
        assert accuracy(ask(SubjectVerb(corpus=corpus), model)[""]) == pytest.approx(share)
    model.answer = "old"  # a draw is not right
    drawn = ask(SubjectVerb(corpus=corpus), model)[""]
    assert accuracy(drawn) == 0.0
    assert drawn.log_prob.exp().tolist() == pytest.approx([0.5] * 15)


class InPieces(Constant):
    """Splits the forms of one verb in two, and of another into unequal numbers."""

    split = {"runs": "run+s", "run": "run+e", "goes": "go+s"}  # noqa: RUF012

    def pieces(self, sentences: object) -> list[list[list[int]]]:
        assert isinstance(sentences, list)
        return super().pieces([[self.split.get(word, word) for word in words] for words in sentences])


def test_forms_of_equally_many_pieces_are_compared_and_others_left_out(tmp_path: Path) -> None:
    rows = [
        [noun("dog", SING, 2, "nsubj"), verb("runs", "run", SING), plain("old", 2)],
        [noun("dogs", PLUR, 2, "nsubj"), verb("run", "run", PLUR), plain("old", 2)],
        [noun("dog", SING, 2, "nsubj"), verb("goes", "go", SING), plain("old", 2)],
        [noun("dogs", PLUR, 2, "nsubj"), verb("go", "go", PLUR), plain("old", 2)],
        [noun("dogs", PLUR, 2, "nsubj"), verb("are", "be", PLUR), plain("old", 2)],
        [noun("dog", SING, 10, "nsubj"), *[plain("old", 1)] * 8, verb("is", "be", SING)],
    ]
    model = InPieces(["dog", "dogs", "run", "s", "e", "go", "is", "are", "old"], max_length=10)
    model.answer = "s"
    reading = SubjectVerb(corpus=written(tmp_path, [rows]))
    answers = ask(reading, model)[""]
    assert answers.sequence.tolist() == [0, 1, 4]
    assert answers.length.tolist() == [6, 6, 5]
    assert answers.correct.tolist() == [True, False, False]
    assert reading.left_out == {"forms of unequal pieces": 2, "sentence too long": 1}
    assert sorted(row.count(MASK) for row in model.seen) == [1, 2, 2]
    ask(reading, model)
    assert sum(reading.left_out.values()) == 3


def test_no_pair_is_told(tmp_path: Path) -> None:
    bare = written(tmp_path, [[[plain("the", 2), plain("dog", 3, "nsubj"), plain("runs", 0, "root")]]])
    with pytest.raises(UserError, match="gives no pair of subject and verb"):
        SubjectVerb(corpus=bare).prepare(tmp_path)
    long = written(
        tmp_path, [[[noun("key", SING, 8, "nsubj"), *[plain("old", 1)] * 6, verb("is", "be", SING)]]]
    )
    with pytest.raises(UserError, match=r"of 1 pairs of .* none has two forms"):
        ask(SubjectVerb(corpus=long), Constant(VOCABULARY, max_length=9))


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    corpus = written(tmp_path, [about_keys()])
    assert same(*(ask(SubjectVerb(corpus=corpus), ByNoun(VOCABULARY), seed=seed) for seed in (0, 1)))


@pytest.mark.skipif(not TREEBANK.exists(), reason=f"the treebank is not at {TREEBANK}")
@pytest.mark.parametrize(
    ("part", "numbers", "attractors"),
    [
        ("dev", (335, 138), {0: 455, 1: 13, 2: 4, 3: 1}),
        ("test", (293, 123), {0: 400, 1: 10, 2: 3, 3: 2, 5: 1}),
    ],
)
def test_pairs_of_english_web_text(part: str, numbers: tuple[int, int], attractors: dict[int, int]) -> None:
    sentences = list(read_treebank(TREEBANK / f"en_ewt-ud-{part}.conllu"))
    pairs, left_out = find_pairs(sentences)
    counts = Counter(pair.number for pair in pairs)
    assert (counts["Sing"], counts["Plur"]) == numbers
    assert Counter(pair.attractors for pair in pairs) == attractors
    asked = [
        word
        for sentence in sentences
        for word in sentence.words
        if word.upos in ("VERB", "AUX") and word.feats.get("Tense") == "Pres"
        if word.feats.get("Person") == "3" and word.feats.get("Mood") == "Ind"
    ]
    assert len(pairs) + sum(left_out.values()) == len(asked)
