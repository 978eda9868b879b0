"""Translate: a toy language with the verb in the middle into one with the verb and the nouns first."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Body, UserError
from posharness_tasks._seq2seq import Seq2Seq

_CLAUSE = ("determiner", "adjective", "noun", "verb", "determiner", "adjective", "noun")
"""Subject, verb and object of the source language."""
_ORDER = (3, 2, 1, 0, 6, 5, 4)
"""Verb, subject and object of the target language, whose determiners come last in their phrase."""
_KINDS = ("determiner", "adjective", "noun", "verb")


class Translate(Seq2Seq):
    """A clause of seven words into another language, word by word, in the other language's order.

    The source language says determiner, adjective, noun, verb, determiner, adjective, noun; the target
    language verb first, then subject and object, each as noun, adjective, determiner. Each kind has `words`
    words, and each word one translation, written here in capitals. The clause stands in brackets; "|" is the
    decoder's start.

        memory     dog a [ the old cat saw a red bird ] this met
        decoder    | SAW CAT OLD THE BIRD RED
        answers    SAW CAT OLD THE BIRD RED A

        memory     [ this red dog met that old cat ] a bird the saw
        decoder    | MET DOG RED THIS CAT OLD
        answers    MET DOG RED THIS CAT OLD THAT

    The word at s + 3 of the memory is emitted at 0 of the decoder, the one at s + 2 at 1, and so on.
    Distance across the two sequences is the difference of these positions, each counted from 0 at the
    start of its own sequence. Words move by up to three places, so that a clause has seven distances: from
    s − 3 (the subject's determiner) to s + 3 (the verb). s is drawn uniformly, and scored are the distances
    that every word can have, from 4 to N − 11 in a memory of N tokens: each as often as any other, for
    each of the seven. Near both ends of the memory a part of the clause is scored; the rest is given.

    The source is the position of the word's original in the memory; brackets and the order of kinds are
    the frame that it stands in. Words are drawn uniformly from their kind, the subject's and the object's
    being different. What stands around the clause is an aside of words of every kind, which is left out of
    the translation: to know which words a memory holds does not help, not even for the clause's only verb.

    Token ids are the target language's determiners, adjectives, nouns and verbs, then the source
    language's in the same order, the brackets and the start mark.
    """

    name = "translate"
    summary = "Translate a clause from subject–verb–object to verb–subject–object, word by word"

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        words: int = 6,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        if words < 2:
            raise UserError(f"translate[words={words}]: give two words or more, for subject and object")
        self.of_a_kind = words
        vocabulary = words * len(_KINDS)
        super().__init__(
            body,
            length=length,
            evaluation_lengths=evaluation_lengths,
            order=_ORDER,
            words=vocabulary,
            objective="translation",
            chance=1 / words,
            separate_memory_ids=True,
        )

    def bracketed(self, generator: torch.Generator, n: int) -> Int[Tensor, "n l"]:
        # Two different words of each kind: one for the subject, one for the object.
        shuffled = torch.rand(n, len(_KINDS), self.of_a_kind, generator=generator).argsort(2)[..., :2]
        words = shuffled + self.of_a_kind * torch.arange(len(_KINDS))[:, None]  # n kind 2
        kinds = torch.tensor([_KINDS.index(kind) for kind in _CLAUSE])
        second = torch.tensor([kind in _CLAUSE[:i] for i, kind in enumerate(_CLAUSE)]).long()
        return words[:, kinds, second]
