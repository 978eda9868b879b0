"""BERT pretraining: masked language modelling and next-sentence prediction on real text."""

from __future__ import annotations

from pathlib import Path

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks.bert.corpus import prepare_corpus
from posharness_tasks.bert.distance import nearest_copy
from posharness_tasks.bert.encoded import SPLITS, Encoded, prepare_encoded
from posharness_tasks.bert.masking import corrupt
from posharness_tasks.bert.pairs import SHORTEST, Part, draw_pairs, random_rate
from posharness_tasks.bert.python_docs import PYTHON_DOCS
from posharness_tasks.bert.vocabulary import MASK

__all__ = ["BertPretraining"]

_MLM, _NSP = 0, 1
_FREQUENT, _RARE, _SHOWN, _TRUE_PAIR, _RANDOM_PAIR = range(5)


class BertPretraining(Task):
    """Predict hidden tokens, and whether the second part follows the first (1810.04805).

        input    [CLS] the [MASK] of a list . [SEP] it [MASK] a copy of banana list . [SEP]
        mlm            ·   items                       returns          the
        nsp      true pair

    `mlm` is scored on the chosen tokens, 15 % of each sequence; of them 80 % show [MASK], 10 % a random
    token and 10 % themselves. `nsp` is scored at [CLS]: 0 when B follows A, 1 when it comes from another
    document. Masks and pairs are drawn afresh for each batch, from its generator. A corpus is split by
    document.

    A token that shows [MASK] depends, by this task's reading, on the nearest visible copy of the hidden
    token; where there is none, and for `nsp`, there is no dependency length. A copy is neither necessary
    nor sufficient, and frequent words always have one nearby, so the strata tell frequent tokens (the
    most frequent types, which make up half of the running text) from the rarer rest. Chosen tokens
    that show something else than [MASK] have a stratum of their own and no dependency length: in most
    of them the answer is in plain sight.

    Chance is the share of the most frequent token for `mlm`, and of the more frequent answer for `nsp`
    (above ½: where one sentence is left, B is always random), both in the test split.

    Args:
        corpus: `python-docs`, the path of a file, a folder or a pattern (see `local_source`), or an id on
            the Hub, `name` or `name:config`.
        vocabulary_size: token ids at most, the five special ones included.
        length: tokens of a training sequence.
        evaluation_lengths: lengths that are tested.
        mask_rate: share of the tokens that is predicted.
    """

    name = "bert"
    aliases = ("bert-pretraining",)
    summary = "BERT pretraining on real text: masked tokens and next sentences"
    paper = "arXiv:1810.04805"
    bodies = ("encoder",)
    segments = 2
    strata = ("frequent token", "rare token", "token in sight", "true pair", "random pair")

    def __init__(
        self,
        body: Body,
        *,
        corpus: str = PYTHON_DOCS,
        vocabulary_size: int = 2048,
        length: int = 64,
        evaluation_lengths: tuple[int, ...] = (64, 128),
        mask_rate: float = 0.15,
    ) -> None:
        super().__init__(body)
        if min(length, *evaluation_lengths) < SHORTEST:
            raise UserError(
                f"bert: a length of {min(length, *evaluation_lengths)} holds no pair of sentences: "
                f"choose {SHORTEST} tokens or more"
            )
        if not 0.0 < mask_rate < 1.0:
            raise UserError(f"bert: mask_rate {mask_rate} is no share: choose one between 0 and 1, e.g. 0.15")
        self.corpus = corpus
        self.vocabulary_size = vocabulary_size
        self.length = length
        self.evaluation_lengths = tuple(evaluation_lengths)
        self.mask_rate = mask_rate
        self.objectives = (Objective("mlm", 0, 0.0, "mlm"), Objective("nsp", 2, 0.5, "pooled"))
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Write the corpus down, train its vocabulary and encode it, or find all that in the cache."""
        corpus = prepare_corpus(self.corpus, cache / "bert")
        text = prepare_encoded(corpus, self.vocabulary_size, cache / "bert")
        self._parts = {name: Part.of(text, index) for index, name in enumerate(SPLITS)}
        self._fingerprint = f"corpus:{corpus.sha256} tokens:{text.digest}"
        self.vocabulary = text.vocabulary
        self._frequent = _frequent(text)
        train, test = text.counts[SPLITS.index("train")], text.counts[SPLITS.index("test")]
        self.objectives = (
            Objective("mlm", text.vocabulary, float(test[train.argmax()] / test.sum()), "mlm"),
            Objective("nsp", 2, random_rate(self._parts["test"], self.length), "pooled"),
        )

    def fingerprint(self) -> str:
        """The SHA-256 of the corpus's text and of what became of it; "" before `prepare`."""
        return self._fingerprint

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        pairs = draw_pairs(generator, n, length, self._parts[split])
        shown, chosen = corrupt(
            generator, pairs.tokens, pairs.words, rate=self.mask_rate, vocabulary=self.vocabulary
        )
        hidden = shown == MASK
        targets, scored = pairs.tokens, chosen
        stratum = torch.where(self._frequent[targets], _FREQUENT, _RARE)
        stratum = torch.where(hidden, stratum, _SHOWN)
        distance = nearest_copy(shown, targets, hidden)
        objective = torch.full_like(targets, _MLM)

        targets[:, 0] = pairs.random.long()
        scored[:, 0] = True
        objective[:, 0] = _NSP
        stratum[:, 0] = torch.where(pairs.random, _RANDOM_PAIR, _TRUE_PAIR)
        return Batch(
            tokens=shown,
            targets=targets,
            scored=scored,
            dependency_length=distance,
            padding=pairs.padding,
            segments=pairs.segments,
            objective=objective,
            stratum=stratum,
        )


def _frequent(text: Encoded) -> torch.Tensor:
    """True for the fewest token ids that make up half of the training text."""
    counts = text.counts[SPLITS.index("train")]
    ranked = counts.argsort(descending=True, stable=True)
    before = counts[ranked].cumsum(0) - counts[ranked]
    frequent = torch.zeros(len(counts), dtype=torch.bool)
    frequent[ranked[before * 2 < counts.sum()]] = True
    return frequent
