"""The reading subject_verb: does a model prefer the right number of a verb, by distance of its subject?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

from posharness.contracts import Answers, MaskedModel, UserError
from posharness_tasks.readings.batching import (
    Progress,
    longest,
    masked_log_probs,
    subprogress,
    with_special_tokens,
    word_pieces,
)
from posharness_tasks.readings.subject_verb.minimal_pairs import Pair, find_pairs
from posharness_tasks.readings.treebank import TreebankReading


@dataclass(frozen=True, slots=True)
class _Question:
    """A pair whose verb is replaced by as many masks as either form has pieces.

    Attributes:
        shown: the sequence.
        position: position of the first mask.
        right, wrong: the pieces of the two forms.
    """

    pair: Pair
    shown: Int[Tensor, " n"]
    position: int
    right: Sequence[int]
    wrong: Sequence[int]


class SubjectVerb(TreebankReading):
    """Mask a finite verb in the present tense, and compare its singular with its plural form.

        The keys to the old cabinet [MASK] on the table .        right: are   wrong: is

    Sentences and pairs come from the treebank (see `find_pairs`), after Linzen, Dupoux & Goldberg
    (1611.01368) and, for masked models, Goldberg (1901.05287). All pieces of the verb are masked, and the
    form with the greater sum of log-probabilities wins. Pairs whose forms differ in their number of pieces
    are left out, because their sums cannot be compared; so are sentences longer than the model reads.

    The dependency length is |subject − verb| in words, and the stratum is the number of attractors: nouns of
    the other number between the two. `log_prob` is that of the right form, given that it is one of the two.
    Chance is the share of the commoner number among the pairs that are asked.

    Attributes:
        left_out: how many verbs were not asked, by reason; set by `read`.
    """

    name = "subject_verb"
    aliases = ("subject-verb", "agreement")
    summary = "Number of a masked verb, by distance of its subject"
    paper = "arXiv:1901.05287"
    strata = ("no attractor", "1 attractor", "2 attractors", "3 or more attractors")
    objectives = ("agreement",)
    left_out: Counter[str]

    def prepare(self, cache: Path) -> None:
        """Read the treebank and make its pairs; nothing is written."""
        super().prepare(cache)
        self._sentences = list(chain.from_iterable(self._documents))
        self._pairs, self._not_paired = find_pairs(self._sentences)
        if not self._pairs:
            raise UserError(
                f"subject_verb: {self.corpus!r} gives no pair of subject and verb: a treebank is needed "
                "whose verbs have Number, Person and Tense, and whose nouns have Number."
            )

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        questions, not_asked = self._questions(model)
        self.left_out = self._not_paired + not_asked
        left_out = {f"left out: {reason}": count for reason, count in sorted(self.left_out.items())}
        self.sizes = {"verbs": len(questions), **left_out}
        if not questions:
            raise UserError(
                f"subject_verb: of {len(self._pairs)} pairs of {self.corpus!r} none has two forms of equally "
                "many tokens in a sentence that the model can read: give a larger treebank."
            )
        margin = torch.zeros(len(questions))
        done = 0
        for count in sorted({len(question.right) for question in questions}):
            index = [n for n, question in enumerate(questions) if len(question.right) == count]
            group = [questions[n] for n in index]
            mark = subprogress(report_progress, done, done := done + len(group), len(questions))
            margin[torch.tensor(index)] = _margins(model, group, mark)
        pairs = [question.pair for question in questions]
        commoner = Counter(pair.number for pair in pairs).most_common(1)[0][1]
        return [
            Answers(
                objective=self.objectives[0],
                length=torch.tensor([len(question.shown) for question in questions]),
                sequence=torch.tensor([pair.sentence for pair in pairs]),
                position=torch.tensor([question.position for question in questions]),
                dependency_length=torch.tensor([abs(pair.verb - pair.subject) for pair in pairs]),
                correct=margin > 0,
                log_prob=logsigmoid(margin),
                chance=commoner / len(pairs),
                stratum=torch.tensor([min(pair.attractors, len(self.strata) - 1) for pair in pairs]),
            )
        ]

    def _questions(self, model: MaskedModel) -> tuple[list[_Question], Counter[str]]:
        """The questions, in the treebank's order, and how many pairs cannot be asked, by reason."""
        right = [[word.form for word in self._sentences[pair.sentence].words] for pair in self._pairs]
        wrong = [
            [*forms[: pair.verb], pair.wrong, *forms[pair.verb + 1 :]]
            for forms, pair in zip(right, self._pairs, strict=True)
        ]
        limit = longest(model)
        questions: list[_Question] = []
        left_out: Counter[str] = Counter()
        pieces = zip(self._pairs, word_pieces(model, right), word_pieces(model, wrong), strict=True)
        for pair, with_right, with_wrong in pieces:
            forms = with_right[pair.verb], with_wrong[pair.verb]
            before = list(chain.from_iterable(with_right[: pair.verb]))
            after = list(chain.from_iterable(with_right[pair.verb + 1 :]))
            shown = with_special_tokens(model, [*before, *[model.mask] * len(forms[0]), *after])
            if len(shown) > limit:
                left_out["sentence too long"] += 1
            elif len(forms[0]) != len(forms[1]) or forms[0] == forms[1]:
                left_out["forms of unequal pieces"] += 1
            else:
                questions.append(_Question(pair, shown, len(before) + 1, *forms))
        return questions, left_out


def _margins(
    model: MaskedModel, questions: Sequence[_Question], report_progress: Progress
) -> Float[Tensor, " m"]:
    """Log-probability of the right forms minus that of the wrong ones; all forms have equally many pieces."""
    right = torch.tensor([question.right for question in questions])  # m k
    wrong = torch.tensor([question.wrong for question in questions])
    asked = torch.tensor([question.position for question in questions])[:, None] + torch.arange(
        right.shape[1]
    )
    margin = torch.zeros(len(questions))
    for index, expected in masked_log_probs(
        model, [question.shown for question in questions], asked, report_progress
    ):
        both = torch.stack([right[index], wrong[index]], -1)  # b k 2
        margin[index] = expected.gather(-1, both).diff(dim=-1).sum((1, 2)).neg()
    return margin
