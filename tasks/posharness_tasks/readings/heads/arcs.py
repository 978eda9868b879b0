"""The arcs that are asked for, and the answers by length of the arc."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posharness.contracts import Answers
from posharness_tasks.readings.heads.parses import Parse
from posharness_tasks.readings.heads.relations import stratum

__all__ = ["Arcs"]


@dataclass(frozen=True, slots=True)
class Arcs:
    """m gold arcs, in the order of their sentences and words.

    Attributes:
        dependent, head: numbers of the words in their sentence, from 1; 0 for the root.
        relation: the dependent's relation to its head.
        length: number of tokens of the sequence.
        sequence: number of the sentence.
        position: position of the dependent's first piece.
    """

    dependent: Int[Tensor, " m"]
    head: Int[Tensor, " m"]
    relation: Sequence[str]
    length: Int[Tensor, " m"]
    sequence: Int[Tensor, " m"]
    position: Int[Tensor, " m"]

    @classmethod
    def of(cls, parses: Sequence[Parse]) -> Arcs:
        """The arcs to all scored words of the sentences."""
        rows: list[tuple[int, int, int, int, int]] = []
        relations: list[str] = []
        for parse in parses:
            length, position = parse.length, 1
            for number, (word, pieces) in enumerate(zip(parse.sentence.words, parse.pieces, strict=True)):
                if parse.scored[number]:
                    rows.append((number + 1, word.head, length, parse.number, position))
                    relations.append(word.relation)
                position += len(pieces)
        dependent, head, lengths, sequence, position_ = torch.tensor(rows).unbind(1)
        return cls(dependent, head, relations, lengths, sequence, position_)

    @property
    def chance(self) -> float:
        """Accuracy of the best constant answer: "k words to the right" for the best k, or "the root"."""
        arcs = zip(self.dependent.tolist(), self.head.tolist(), strict=True)
        constants = Counter(head - dependent if head else "root" for dependent, head in arcs)
        return constants.most_common(1)[0][1] / len(self.head)

    def answers(
        self,
        condition: str,
        head: Int[Tensor, " m"],
        picked: Int[Tensor, " m"],
        log_prob: Float[Tensor, " m"],
    ) -> Answers:
        """The answers, by length and direction of the arcs from `head`.

        Args:
            condition: how the question was changed; "" if it was not.
            head: the gold heads for recall, the predicted ones for precision.
            picked: the predicted heads.
            log_prob: log-probabilities of the gold heads.
        """
        arcs = zip(self.relation, self.dependent.tolist(), head.tolist(), strict=True)
        return Answers(
            objective="head",
            condition=condition,
            length=self.length,
            sequence=self.sequence,
            position=self.position,
            dependency_length=torch.where(head > 0, (head - self.dependent).abs(), -1),
            correct=picked == self.head,
            log_prob=log_prob,
            chance=self.chance,
            stratum=torch.tensor([stratum(*arc) for arc in arcs]),
        )
