"""The contract of a reading, which evaluates a pretrained masked language model by dependency length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts.plugin import Named

__all__ = ["Answers", "MaskedModel", "Reading"]


class MaskedModel(ABC):
    """A masked language model with its tokenizer: from the store, or any that `transformers` loads.

    Attributes:
        width: width of its hidden states.
        vocabulary: number of token ids.
        max_length: the longest sequence that it accepts, special tokens included; None for no limit.
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

        A word that the tokenizer drops, such as an unknown character, has no ids.
        """

    @abstractmethod
    def states(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n width"]:
        """The last hidden states, without dropout and without gradient.

        Args:
            padding: True on padding, which is on the right.
        """

    @abstractmethod
    def layers(
        self, tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "l b n width"]:
        """The output of the embeddings, then that of each layer; the last is `states`."""

    @abstractmethod
    def logits(self, states: Float[Tensor, "m width"]) -> Float[Tensor, "m vocabulary"]:
        """The logits of the masked language modelling head for these hidden states."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The results of m scored predictions of one objective. Tensors are (m,).

    Attributes:
        objective: what was predicted, such as "head".
        length: length in tokens of the sequence with the prediction.
        sequence: index of that sequence.
        position: position of the prediction in it.
        dependency_length: tokens from the prediction to its farthest necessary token; -1 for none.
        correct: whether the prediction is right.
        log_prob: natural logarithm of the probability of the right answer.
        chance: accuracy of the best prediction that ignores the input.
        stratum: index into the reading's `strata`; None for none.
        condition: how the input or the model was changed, such as "untrained encoder"; "" where it was not.
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
    """An evaluation of a pretrained masked language model whose predictions have a dependency length.

    Every parameter of the constructor is keyword-only, annotated and has a default. The parameter `corpus` is
    the path of the text; `harness evaluate --treebank FILE` sets it.

    Attributes:
        distance: "dependency" or "span", as for a `Task`.
        strata: names of the classes that `Answers.stratum` indexes.
        objectives: every objective that its `Answers` can have. The score of the reading is the accuracy of
            the first one under the condition "".
        conditions: every condition that its `Answers` can have.
        corpus: the path of the text.
        sizes: how much was read, by what, such as "test sentences"; set by `read`.
    """

    distance: ClassVar[Literal["dependency", "span"]] = "dependency"
    strata: tuple[str, ...] = ()
    objectives: tuple[str, ...]
    conditions: tuple[str, ...] = ("",)
    corpus: str
    sizes: Mapping[str, int] = MappingProxyType({})

    def prepare(self, cache: Path) -> None:
        """Make or load the data that `read` needs, in the folder `cache`; as for a `Task`.

        Raises:
            UserError: the corpus is missing, malformed or too small.
        """

    def fingerprint(self) -> str:
        """The identity of the text, for example its SHA-256; part of the cell's key."""
        return ""

    @abstractmethod
    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        """Evaluate the model, and return every scored prediction.

        Args:
            untrained: builds a control: the same model with new random weights.
            generator: the only source of randomness.
            report_progress: to be called from time to time with the amount done and the total.
        """
