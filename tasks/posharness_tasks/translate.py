"""The task translate: from a toy language with the verb in the middle to one with the verb first."""

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
    """Translate a clause of seven words, word by word, in the word order of the target language.

    The source language orders a clause as determiner, adjective, noun, verb, determiner, adjective, noun. The
    target language has the verb first, then subject and object, each as noun, adjective, determiner. Each
    word class has `words` words, and each word one translation, written here in capitals. The clause is in
    brackets; "|" is the decoder's start mark.

        memory     dog a [ the old cat saw a red bird ] this met
        decoder    | SAW CAT OLD THE BIRD RED
        answers    SAW CAT OLD THE BIRD RED A

        memory     [ this red dog met that old cat ] a bird the saw
        decoder    | MET DOG RED THIS CAT OLD
        answers    MET DOG RED THIS CAT OLD THAT

    The decoder emits the word at s + 3 of the memory at 0, the word at s + 2 at 1, and so on, where s is the
    position after the opening bracket. The dependency length is the difference of the two positions, each
    counted from 0 at the start of its own sequence. Words move by up to three positions, so a clause has
    seven distances, from s − 3 (the subject's determiner) to s + 3 (the verb). s is drawn uniformly. Scored
    are the distances that every word can have, 4 to N − 11 in a memory of N tokens, equally likely for each
    of the seven. Near the ends of the memory only a part of the clause is scored; the rest is given.

    The sources are the position of the original word in the memory and the opening bracket. Words of the
    clause are drawn from their class, and words around it, which are not translated, from all classes,
    independently and uniformly: whoever sees everything but the original word is right by chance, which is
    one in `words`, since the place in the clause tells the class.

    Token ids: the target language's determiners, adjectives, nouns and verbs, the source language's in the
    same order, the two brackets, the start mark.
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
            raise UserError(f"translate[words={words}]: give two words or more of each class.")
        super().__init__(
            body,
            length=length,
            evaluation_lengths=evaluation_lengths,
            order=_ORDER,
            words=words * len(_KINDS),
            objective="translation",
            alternatives=words,
            separate_memory_ids=True,
        )

    def bracketed(self, generator: torch.Generator, n: int) -> Int[Tensor, "n l"]:
        kinds = torch.tensor([_KINDS.index(kind) for kind in _CLAUSE])
        words = torch.randint(self.alternatives, (n, len(kinds)), generator=generator)
        return words + self.alternatives * kinds
