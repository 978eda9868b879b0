"""The contract of a task, which draws batches with a dependency length for each prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts.plugin import Body, Named

__all__ = ["Batch", "Change", "Objective", "Split", "Task"]

Split = Literal["train", "validation", "test"]

Change = Literal["source", "others"]
"""What an intervention changes: the farthest source of a prediction, or tokens that are no source."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One kind of prediction, and how it is computed from the hidden states.

    Attributes:
        name: its name in the predictions, e.g. "recall", "mlm", "nsp".
        classes: number of classes of its targets.
        chance: accuracy of the best prediction that ignores the input.
        readout: "linear": one linear map of the final hidden state; "mlm": BERT's dense, GELU,
            LayerNorm and a decoder tied to the token embeddings; "pooled": BERT's tanh pooler and a
            linear map (1810.04805).
        class_names: how examples show each class; () where classes are token ids.
    """

    name: str
    classes: int
    chance: float
    readout: Literal["linear", "mlm", "pooled"] = "linear"
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of b sequences of n tokens. Tensors are (b, n) unless another shape is given.

    Attributes:
        tokens: input ids.
        targets: the class to predict from the hidden state *at this position* (so a decoder's targets are
            already shifted); ignored where not scored.
        scored: True where a prediction is made, in training and in evaluation.
        dependency_length: tokens from the position of the prediction to the farthest position that is
            necessary to get the target right; -1 for none. Between two sequences it is the difference of the
            two positions, each counted from the start of its own sequence.
        padding: True on padding, which is on the right; None without padding.
        segments: segment ids; None for a task without segments.
        objective: index into the task's `objectives`; None for all 0.
        stratum: index into the task's `strata`; None for none.
        source: (b, n, s) positions that are together necessary and sufficient for the target, padded
            with -1; tests intervene on them. None where no unique source exists.
        memory: (b, m) tokens of the encoder in an encoder-decoder, whose `source` then holds positions in
            `memory`; None for one stack.
        memory_padding: (b, m), as `padding`.
        chance: accuracy of the best prediction that ignores the sequence (and the memory), but knows what the
            prefix that teacher forcing shows excludes; None for the objective's chance.
        blind: accuracy of the best prediction that knows everything but the farthest source; None where it
            equals chance.
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
    chance: Float[Tensor, "b n"] | None = None
    blind: Float[Tensor, "b n"] | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on another device."""
        present = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(self, **{name: value.to(device) for name, value in present.items()})


class Task(Named, ABC):
    """A problem in which every prediction has a dependency length.

    The constructor takes the `Body` first; every further parameter is keyword-only, annotated and has
    a default. The constructor is fast and reads no file; `prepare` does the work that takes time.

    Attributes:
        bodies: the bodies that the task is defined for; the first is the default.
        distance: "dependency" where each prediction has a unique farthest source, "span" where only
            an interval of influence exists; the two are never plotted together.
        control: True for a negative control, which should stay near chance with every encoding.
        strata: names of the classes that `Batch.stratum` indexes, e.g. numbers of attractors.
        vocabulary: number of token ids; for a corpus task 0 until it is prepared.
        token_names: how examples show each token id; () for the ids themselves.
        segments: number of segment ids; 0 for none.
        segment_names: how examples show each segment id, beside its token; () to leave them out.
        objectives: the kinds of prediction. The validation accuracy of the first one is the score of
            training.
        length: length of a training sequence in tokens; for an encoder-decoder, of its memory.
        evaluation_lengths: lengths of the test sequences, the training length among them.
        autoregressive: whether the target of a scored position is the token at the next position, where
            that is scored too. Besides teacher-forced, such a task is evaluated free-running, where these
            tokens are replaced by the model's own predictions; so classes are token ids. Not for the body
            "encoder", which sees the tokens that it would predict.
        tokenizer: for a corpus task, the file of its tokenizer in the format of `tokenizers`, with BERT's
            special tokens; `prepare` sets it. None for a task without one.
    """

    bodies: ClassVar[tuple[Body, ...]]
    distance: ClassVar[Literal["dependency", "span"]] = "dependency"
    control: bool = False
    strata: tuple[str, ...] = ()
    vocabulary: int = 0
    token_names: tuple[str, ...] = ()
    segments: int = 0
    segment_names: tuple[str, ...] = ()
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
            evaluation_lengths: None or () for `length` times each of `factors`.
        """
        self.length = length
        self.evaluation_lengths = evaluation_lengths or tuple(factor * length for factor in factors)
        return min(length, *self.evaluation_lengths)

    def prepare(self, cache: Path) -> None:
        """Make or load the data that `sample` needs, such as a vocabulary, in the folder `cache`.

        It is called first in the planning process, and then in each worker, which should find its files in
        `cache`. Workers call it at the same time, so a file must appear there whole: write it under another
        name, then rename it.

        Raises:
            UserError: the corpus is missing, unreadable or too small.
        """

    def fingerprint(self) -> str:
        """The identity of external data, e.g. a corpus's SHA-256; part of the cell's key.

        If it is not empty, it replaces the parameter `corpus` in the key, so that the path of the data does
        not matter.
        """
        return ""

    def facts(self) -> Mapping[str, int | float | str]:
        """What is worth knowing of prepared data, by name: shown beside the cells and stored with them."""
        return {}

    def decoder_length(self, length: int) -> int:
        """The number of tokens in a sequence of the decoder whose memory has `length` tokens."""
        return length

    @abstractmethod
    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        """Draw `n` sequences of `length` tokens: the same generator state gives the same batch.

        For an encoder-decoder, `memory` has `length` tokens and `tokens` has `decoder_length(length)`.

        Args:
            generator: the only source of randomness.
            split: which part of the data; tasks drawn on the fly differ by generator alone.
        """

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        """The same sequences with some tokens changed, within the task's grammar.

        The test of a cell asks whether the model's answers follow a change of the source, and stay where
        something else changes. None, the default, for a task without interventions.

        Args:
            batch: as `sample` drew it, or some of its sequences.
            generator: the only source of randomness.
            what: "source": the farthest source of each scored prediction of the result is changed so that
                the right answer changes (where the source is a key, two keys may change places); nothing
                else is, except what teacher forcing shows of the new answers. "others": tokens that are no
                source of any scored prediction are drawn again, and all answers stay.

        Returns:
            A batch of the same shapes, whose `targets` are the new right answers and whose `scored`, a subset
            of that of `batch`, marks the predictions that the intervention is about.
        """
        return None
