"""The contract of a reading: what a pretrained masked language model is asked, once it is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts.plugin import Named

__all__ = ["Answers", "MaskedModel", "Reading"]


class MaskedModel(ABC):
    """A masked language model with its tokenizer: one of the store, or any that `transformers` loads.

    Attributes:
        width: of its hidden states.
        vocabulary: number of token ids.
        max_length: the longest sequence that it reads, special tokens included; None for no limit.
        mask, cls, sep, pad: ids of the special tokens.
    """

    width: int
    vocabulary: int
    max_length: int | None
    mask: int
    cls: int
    sep: int
    pad: int

    @abstractmethod
    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The token ids of each word of each sentence, without special tokens.

        A word of which nothing is left (a character that the tokenizer drops) has none.
        """

    @abstractmethod
    def states(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n width"]:
        """The last hidden states, without dropout and without gradient.

        Args:
            padding: True on padding, which stands on the right.
        """

    @abstractmethod
    def layers(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "l b n width"]:
        """What the embeddings give, then what each layer gives; the last hidden states come last."""

    @abstractmethod
    def logits(self, states: Float[Tensor, "m width"]) -> Float[Tensor, "m vocabulary"]:
        """What the head of masked language modelling makes of hidden states."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What came out for m scored predictions of one objective. Tensors are (m,) unless named otherwise.

    Attributes:
        objective: what was asked, such as "head".
        length: tokens of the sequence that the prediction stands in.
        sequence: number of that sequence.
        position: of the prediction in it.
        dependency_length: -1 where there is none.
        correct: whether it was right.
        log_prob: natural logarithm of the probability that the right answer had.
        chance: accuracy of the best answer that ignores the input.
        stratum: index into the reading's `strata`; None for none.
        condition: how the question was changed, such as "untrained encoder"; "" where it was not.
    """

    objective: str
    length: Int[Tensor, " m"]
    sequence: Int[Tensor, " m"]
    position: Int[Tensor, " m"]
    dependency_length: Int[Tensor, " m"]
    correct: Bool[Tensor, " m"]
    log_prob: Float[Tensor, " m"]
    chance: float
    stratum: Int[Tensor, " m"] | None = None
    condition: str = ""


class Reading(Named, ABC):
    """Questions to a pretrained masked language model whose answers have a dependency length.

    Every parameter of the constructor is keyword-only, annotated and has a default. The text that is read
    is `corpus`, which `harness evaluate --treebank FILE` sets.

    Attributes:
        distance: "dependency" or "span", as for a `Task`.
        strata: names of the classes that `Answers.stratum` indexes.
        objectives: every objective that an `Answers` of it can have; the first is the one that is summed up,
            as it is asked unchanged.
        conditions: every condition that an `Answers` of it can have.
    """

    distance: ClassVar[Literal["dependency", "span"]] = "dependency"
    strata: tuple[str, ...] = ()
    objectives: tuple[str, ...]
    conditions: tuple[str, ...] = ("",)
    corpus: str

    def prepare(self, cache: Path) -> None:
        """Make or load what reading needs, under `cache`; as for a `Task`.

        Raises:
            UserError: the corpus is missing, malformed or too small.
        """

    def fingerprint(self) -> str:
        """The identity of the text that is read; part of the cell's key."""
        return ""

    @abstractmethod
    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        tell: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        """Ask, and give every answer.

        Args:
            untrained: makes the control: the same model with freshly drawn weights.
            generator: the only source of randomness.
            tell: told how much of how much is done, from time to time.
        """
