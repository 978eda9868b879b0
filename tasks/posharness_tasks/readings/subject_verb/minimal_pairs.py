"""Makes minimal pairs of subject–verb agreement from the lemmas and features of a treebank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from posharness_tasks.text.treebank import Sentence, Word

__all__ = ["Forms", "LeftOut", "Pair", "collect_forms", "find_pairs"]

Forms = Mapping[str, Mapping[str, str]]
"""Of each lemma its form in each number, lower case: {"be": {"Sing": "is", "Plur": "are"}}."""

LeftOut = Literal["subject missing or unclear", "subject of another kind", "unusual form", "no other form"]

_OTHER = {"Sing": "Plur", "Plur": "Sing"}
_NOUNS = ("NOUN", "PROPN")
_GIVEN = {
    "be": {"Sing": "is", "Plur": "are"},
    "have": {"Sing": "has", "Plur": "have"},
    "do": {"Sing": "does", "Plur": "do"},
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A verb that agrees with its subject, and its form that does not.

    Attributes:
        sentence: number of the sentence.
        verb, subject: indices of the two words, from 0.
        wrong: the verb's form in the other number, capitalised like the verb.
        number: number of verb and subject, "Sing" or "Plur".
        attractors: how many nouns of the other number are between the two.
    """

    sentence: int
    verb: int
    subject: int
    wrong: str
    number: str
    attractors: int


def collect_forms(sentences: Iterable[Sentence]) -> Forms:
    """The commonest form of each lemma in each number, among the verbs that `find_pairs` considers.

    The forms of *be*, *have* and *do* are given, so that contractions cannot replace them.
    """
    counts: dict[str, dict[str, Counter[str]]] = {}
    for sentence in sentences:
        for word in sentence.words:
            if _is_asked(word):
                numbers = counts.setdefault(word.lemma.lower(), {})
                numbers.setdefault(word.feats["Number"], Counter())[word.form.lower()] += 1
    found = {
        lemma: {
            number: min(forms, key=lambda form: (-forms[form], form)) for number, forms in numbers.items()
        }
        for lemma, numbers in counts.items()
    }
    return {**found, **_GIVEN}


def find_pairs(sentences: Sequence[Sentence]) -> tuple[list[Pair], Counter[str]]:
    """The pairs of a treebank, in its order, and how many verbs were left out for each reason.

    Considered are verbs and auxiliaries that are finite, indicative, present tense and third person. A verb
    without VerbForm is finite by its Tense, as in Turkish treebanks. One is left out if

    * neither the verb nor, for an auxiliary or copula, the word that it belongs to has exactly one subject
      (`nsubj` and its subtypes);
    * the subject is neither a noun nor a personal pronoun of the third person in the verb's number: this
      excludes "the staff are" and "he and she are", which would blur what an attractor is, and "who", which
      has no number;
    * it is not the usual form of its lemma in that number, which excludes contractions;
    * the treebank has no other form in the other number.
    """
    forms = collect_forms(sentences)
    pairs: list[Pair] = []
    left_out: Counter[str] = Counter()
    for number, sentence in enumerate(sentences):
        for index, verb in enumerate(sentence.words):
            if _is_asked(verb):
                match _judged(number, sentence, index, forms):
                    case Pair() as pair:
                        pairs.append(pair)
                    case reason:
                        left_out[reason] += 1
    return pairs, left_out


def _is_asked(word: Word) -> bool:
    feats = word.feats
    return (
        word.upos in ("VERB", "AUX")
        # Where VerbForm is absent, the tense shows that the verb is finite.
        and feats.get("VerbForm", "Fin") == "Fin"
        and feats.get("Tense") == "Pres"
        and feats.get("Mood", "Ind") == "Ind"
        and feats.get("Person") == "3"
        and feats.get("Number") in _OTHER
    )


def _judged(number: int, sentence: Sentence, index: int, forms: Forms) -> Pair | LeftOut:
    verb, right = sentence.words[index], sentence.words[index].feats["Number"]
    known = forms.get(verb.lemma.lower(), {})
    wrong = known.get(_OTHER[right])
    subject = _subject(sentence.words, index)
    if subject is None:
        return "subject missing or unclear"
    if not _is_third_person(sentence.words[subject], right):
        return "subject of another kind"
    if verb.form.lower() != known[right]:
        return "unusual form"
    if wrong is None or wrong == known[right]:
        return "no other form"
    between = sentence.words[min(index, subject) + 1 : max(index, subject)]
    attractors = sum(word.upos in _NOUNS and word.feats.get("Number") == _OTHER[right] for word in between)
    return Pair(number, index, subject, _capitalised(wrong, verb.form), right, attractors)


def _subject(words: Sequence[Word], verb: int) -> int | None:
    """The only subject of a verb, or of the word that it is auxiliary or copula of; else None."""
    auxiliary = words[verb].relation.partition(":")[0] in ("aux", "cop")
    predicate = words[verb].head if auxiliary else verb + 1
    subjects = [
        index
        for index, word in enumerate(words)
        if word.head == predicate and word.relation.partition(":")[0] == "nsubj"
    ]
    return subjects[0] if len(subjects) == 1 else None


def _is_third_person(subject: Word, number: str) -> bool:
    return subject.feats.get("Number") == number and (
        subject.upos in _NOUNS or (subject.upos == "PRON" and subject.feats.get("Person") == "3")
    )


def _capitalised(form: str, example: str) -> str:
    if example.isupper() and len(example) > 1:
        return form.upper()
    return form.capitalize() if example[0].isupper() else form
