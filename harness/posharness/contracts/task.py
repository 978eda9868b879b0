"""The contract of a task: batches from a generator, with a dependency length for each prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts.plugin import Body, Named

__all__ = ["Batch", "Objective", "Split", "Task"]

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing that is predicted, and how it is read from the hidden states.

    Attributes:
        name: as it stands in the predictions, e.g. "recall", "mlm", "nsp".
        classes: number of classes of its targets.
        chance: accuracy of the best predictor that ignores the input.
        readout: "linear": one linear map of the final hidden state; "mlm": BERT's dense, GELU,
            LayerNorm and a decoder tied to the token embeddings; "pooled": BERT's tanh pooler and a
            linear map (1810.04805).
    """

    name: str
    classes: int
    chance: float
    readout: Literal["linear", "mlm", "pooled"] = "linear"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of b sequences of n tokens. Every tensor that is not named with another shape is (b, n).

    Attributes:
        tokens: input ids.
        targets: what the hidden state *at this position* has to emit (a decoder's targets are already
            shifted); meaningless where not scored.
        scored: which positions are predictions, in training and in evaluation.
        dependency_length: tokens from the emitting position to the farthest position that is necessary
            to get the target right; -1 where the prediction has none. Across two sequences it is the
            difference of the two positions, each counted from the start of its own sequence.
        padding: True on padding, which stands on the right; None without any.
        segments: segment ids; None when the task has no segments.
        objective: index into the task's `objectives`; None for all 0.
        stratum: index into the task's `strata`; None for none.
        source: (b, n, s) positions that are together necessary and sufficient for the target, padded
            with -1; what interventions in tests act on. None where no unique source exists.
        memory: (b, m) tokens of the encoder that an encoder-decoder reads across; None for one stack.
            There, positions in `source` index `memory`.
        memory_padding: (b, m), as `padding`.
    """

    tokens: Int[Tensor, "b n"]
    targets: Int[Tensor, "b n"]
    scored: Bool[Tensor, "b n"]
    dependency_length: Int[Tensor, "b n"]
    padding: Bool[Tensor, "b n"] | None = None
    segments: Int[Tensor, "b n"] | None = None
    objective: Int[Tensor, "b n"] | None = None
    stratum: Int[Tensor, "b n"] | None = None
    source: Int[Tensor, "b n s"] | None = None
    memory: Int[Tensor, "b m"] | None = None
    memory_padding: Bool[Tensor, "b m"] | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        present = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(self, **{name: value.to(device) for name, value in present.items()})


class Task(Named, ABC):
    """A problem whose predictions each have a dependency length.

    The constructor takes the `Body` first; every further parameter is keyword-only, annotated and has
    a default. Construction is cheap and reads nothing; `prepare` does what takes time.

    Attributes:
        bodies: the bodies that it can be posed to; the first is the default.
        distance: "dependency" where each prediction has a unique farthest source, "span" where only
            an interval of influence exists; the two are never plotted together.
        control: a negative control: expected to stay near chance, whatever the encoding.
        strata: names of the classes that `Batch.stratum` indexes, e.g. numbers of attractors.
        vocabulary: number of token ids; 0 until prepared, for a corpus task.
        segments: number of segment ids; 0 for none.
        objectives: what is predicted. The first one's accuracy on validation is the score that
            training is watched by.
        length: tokens of a training sequence; for an encoder-decoder, of its memory.
        evaluation_lengths: lengths that are tested, the training length among them.
        autoregressive: whether the target of a scored position is the token of the next one, wherever
            that is scored too. Beside teacher forcing such a task is then scored free-running: each of
            these tokens replaced by what the model itself has emitted, so classes are token ids. Not for
            the body "encoder", which sees the tokens that it would have to emit.
        tokenizer: file of the tokenizer of a corpus task, as `tokenizers` reads it, with BERT's special
            tokens among its pieces; set by `prepare`; None for a task without one.
    """

    bodies: ClassVar[tuple[Body, ...]]
    distance: ClassVar[Literal["dependency", "span"]] = "dependency"
    control: bool = False
    strata: tuple[str, ...] = ()
    vocabulary: int = 0
    segments: int = 0
    objectives: tuple[Objective, ...]
    length: int
    evaluation_lengths: tuple[int, ...]
    autoregressive: bool = False
    tokenizer: Path | None = None

    def __init__(self, body: Body) -> None:
        self.body: Body = body

    def set_lengths(
        self,
        length: int,
        evaluation_lengths: tuple[int, ...] | None,
        *,
        factors: tuple[int, ...] = (1, 2, 4, 8),
    ) -> int:
        """Set `length` and `evaluation_lengths`, and return the shortest of them all.

        Args:
            evaluation_lengths: None or () for the training length times each of `factors`.
        """
        self.length = length
        self.evaluation_lengths = evaluation_lengths or tuple(factor * length for factor in factors)
        return min(length, *self.evaluation_lengths)

    def prepare(self, cache: Path) -> None:
        """Make or load what sampling needs (a corpus, a vocabulary), under `cache`.

        Called once before anything else, in the planning process and again in each worker; what lies
        in the cache is found again. Workers call it at the same time: a file must appear there whole,
        written aside and renamed.

        Raises:
            UserError: the corpus is missing, unreadable or too small.
        """

    def fingerprint(self) -> str:
        """The identity of external data, e.g. a corpus's SHA-256; part of the cell's key.

        Where it is not empty it stands for the parameter `corpus`, if there is one: where data lie is no part
        of the key.
        """
        return ""

    def decoder_length(self, length: int) -> int:
        """Tokens that an encoder-decoder's decoder reads where its memory has `length` of them."""
        return length

    @abstractmethod
    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        """Draw `n` sequences of `length` tokens: the same generator state gives the same batch.

        For an encoder-decoder, `memory` has `length` tokens and `tokens` has `decoder_length(length)`.

        Args:
            generator: the only source of randomness.
            split: which part of the data; tasks drawn on the fly differ by generator alone.
        """
