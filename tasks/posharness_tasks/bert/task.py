"""The task bert: masked language modelling and next-sentence prediction on real text."""

from __future__ import annotations

from pathlib import Path

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks.bert.corpora.corpus import prepare_corpus
from posharness_tasks.bert.corpora.python_docs import PYTHON_DOCS
from posharness_tasks.bert.distance import nearest_copy
from posharness_tasks.bert.encoded import SPLITS, Encoded, prepare_encoded
from posharness_tasks.bert.masking import corrupt
from posharness_tasks.bert.pairs import SHORTEST, Negatives, Pairs, Part, draw_pairs, negative_rate
from posharness_tasks.bert.vocabulary import MASK

__all__ = ["BertPretraining"]

_MLM, _NSP = 0, 1
_COUNTED = 2**17
"""Tokens that the most frequent one is counted in: its share is off by .0006."""
_FREQUENT, _RARE, _SHOWN, _TRUE_PAIR, _RANDOM_PAIR, _SWAPPED_PAIR = range(6)


class BertPretraining(Task):
    """Predict masked tokens, and whether the second part of a pair follows the first (1810.04805).

        input    [CLS] the [MASK] of a list . [SEP] it [MASK] a copy of banana list . [SEP]
        mlm            ·   items                       returns          the
        nsp      true pair

    `mlm` is scored on the chosen tokens, 15 % of each sequence: 80 % of them show [MASK], 10 % a random token
    and 10 % themselves. `nsp` is scored at [CLS]: 0 if B follows A; 1 if B comes from another document or, as
    a hard negative, precedes A. Masks and pairs are drawn for each batch from its generator: they are new in
    training, and the same in every evaluation. A corpus is split by document.

    For a token that shows [MASK], the dependency length is the distance to the nearest visible copy of the
    hidden token. There is none without such a copy, and none for `nsp`. A copy is neither necessary nor
    sufficient, and frequent words always have one nearby, so the strata separate frequent tokens (the most
    frequent types, which make up half of the running text) from rare ones. Chosen tokens that do not show
    [MASK] have a stratum of their own and no dependency length: for most of them the answer is visible.

    With the body "decoder", the task is a causal language model of the same text, the counterpart of the
    encoder with the left context alone. In training it predicts every token of A and B from those before it;
    nothing is hidden. In validation and test, its `mlm` is scored on the same tokens as the encoder's, drawn
    by the same generator. Each prediction is made one position earlier, from the uncorrupted tokens up to
    there, and has the encoder's stratum and dependency length (to the nearest copy on either side, although
    the decoder sees the left one only): row by row, the difference is the benefit of the right context. There
    is no `nsp`, whose answer would come before the text.

    Chance is the accuracy of the best constant answer in pairs from the test split: for `mlm`, the share of
    their most frequent token, which differs slightly from that of the text because sentences are cut at their
    ends; for `nsp`, the share of the more frequent answer (above ½, because B is always random where one
    sentence is left).

    Args:
        corpus: `python-docs`, the path of a file, a folder or a pattern (see `local_source`), or an id on
            the Hub, `name` or `name:config`.
        vocabulary_size: most token ids, including the five special ones.
        length: tokens of a training sequence.
        evaluation_lengths: lengths that are tested.
        mask_rate: share of the tokens that is predicted.
        whole_words: whether all pieces of a word are chosen together.
        negatives: the wrong pairs of `nsp`: B from another document ("random"), A and B swapped ("order",
            1909.11942), or half of them each ("both"). With "none", pairs are true if there are two
            sentences, and there is no `nsp`, as in 1907.11692 and 2212.14034.
    """

    name = "bert"
    aliases = ("bert-pretraining",)
    summary = "BERT pretraining on real text: masked tokens and next sentences"
    paper = "arXiv:1810.04805"
    bodies = ("encoder", "decoder")
    segments = 2
    strata = ("frequent token", "rare token", "token in sight", "true pair", "random pair", "swapped pair")

    def __init__(
        self,
        body: Body,
        *,
        corpus: str = PYTHON_DOCS,
        vocabulary_size: int = 2048,
        length: int = 64,
        evaluation_lengths: tuple[int, ...] = (64, 128),
        mask_rate: float = 0.15,
        whole_words: bool = False,
        negatives: Negatives = "random",
    ) -> None:
        super().__init__(body)
        if min(length, *evaluation_lengths) < SHORTEST:
            raise UserError(
                f"bert: a length of {min(length, *evaluation_lengths)} tokens is too short for a pair of "
                f"sentences: choose {SHORTEST} or more."
            )
        if not 0.0 < mask_rate < 1.0:
            raise UserError(f"bert: mask_rate must be between 0 and 1; got {mask_rate}.")
        self.corpus = corpus
        self.vocabulary_size = vocabulary_size
        self.length = length
        self.evaluation_lengths = tuple(evaluation_lengths)
        self.mask_rate = mask_rate
        self.whole_words = whole_words
        self.negatives = negatives
        self.objectives = self._objectives(0, 0.0, 0.5)
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Write the corpus, train its vocabulary and encode it, or find all of these in the cache."""
        corpus = prepare_corpus(self.corpus, cache / "bert")
        text = prepare_encoded(corpus, self.vocabulary_size, cache / "bert")
        self._parts = {name: Part.of(text, index) for index, name in enumerate(SPLITS)}
        self._fingerprint = f"corpus:{corpus.sha256} tokens:{text.digest}"
        self.vocabulary = text.vocabulary
        self.tokenizer = text.tokenizer
        self._frequent = _frequent(text)
        self._continuing = text.continuing
        self._refuse_without_true_pairs()
        test = self._parts["test"]
        most_frequent = _most_frequent(test, self.length, self.negatives)
        self.objectives = self._objectives(text.vocabulary, most_frequent, negative_rate(test, self.length))

    def _objectives(self, vocabulary: int, most_frequent: float, majority: float) -> tuple[Objective, ...]:
        mlm = Objective("mlm", vocabulary, most_frequent, "mlm")
        return (mlm, Objective("nsp", 2, majority, "pooled")) if self._asks_for_pairs else (mlm,)

    @property
    def _asks_for_pairs(self) -> bool:
        return self.body == "encoder" and self.negatives != "none"

    def _refuse_without_true_pairs(self) -> None:
        for split, part in self._parts.items():
            for length in {self.length, *(self.evaluation_lengths if split == "test" else ())}:
                if negative_rate(part, length) == 1.0:
                    raise UserError(
                        f"the corpus {self.corpus!r} is too small for pairs of {length} tokens: no two "
                        f"sentences of its {split} split would fit one after the other; choose greater "
                        "lengths, or give more text."
                    )

    def fingerprint(self) -> str:
        """The SHA-256 of the corpus's text and of its encoding; "" before `prepare`."""
        return self._fingerprint

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        pairs = draw_pairs(generator, n, length, self._parts[split], self.negatives)
        if self.body == "decoder" and split == "train":
            nowhere = torch.full_like(pairs.tokens, -1)
            return self._next_tokens(pairs, pairs.words, nowhere, self._by_frequency(pairs.tokens))
        shown, chosen = corrupt(
            generator,
            pairs.tokens,
            pairs.words,
            rate=self.mask_rate,
            vocabulary=self.vocabulary,
            continuing=self._continuing[pairs.tokens] if self.whole_words else None,
        )
        hidden = shown == MASK
        distance = nearest_copy(shown, pairs.tokens, hidden)
        stratum = torch.where(hidden, self._by_frequency(pairs.tokens), _SHOWN)
        if self.body == "decoder":
            return self._next_tokens(pairs, chosen, distance, stratum)
        objective = torch.full_like(shown, _MLM)
        targets, scored = pairs.tokens.clone(), chosen.clone()
        if self._asks_for_pairs:
            objective[:, 0] = _NSP
            targets[:, 0] = (pairs.random | pairs.swapped).long()
            scored[:, 0] = True
            kind = torch.where(pairs.random, _RANDOM_PAIR, _TRUE_PAIR)
            stratum[:, 0] = torch.where(pairs.swapped, _SWAPPED_PAIR, kind)
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

    def _next_tokens(
        self, pairs: Pairs, chosen: torch.Tensor, distance: torch.Tensor, stratum: torch.Tensor
    ) -> Batch:
        """Predict each chosen token at the position before it; [CLS], the first token, is never chosen."""
        return Batch(
            tokens=pairs.tokens,
            targets=pairs.tokens.roll(-1, 1),
            scored=chosen.roll(-1, 1),
            dependency_length=distance.roll(-1, 1),
            padding=pairs.padding,
            segments=pairs.segments,
            stratum=stratum.roll(-1, 1),
        )

    def _by_frequency(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.where(self._frequent[tokens], _FREQUENT, _RARE)


def _most_frequent(part: Part, length: int, negatives: Negatives) -> float:
    """The share of the most frequent token in pairs from a split; the same pairs each time."""
    pairs = draw_pairs(torch.Generator().manual_seed(0), -(-_COUNTED // length), length, part, negatives)
    asked = pairs.tokens[pairs.words]
    return float(asked.bincount().max() / len(asked))


def _frequent(text: Encoded) -> torch.Tensor:
    """True for the smallest set of token ids that makes up half of the training text."""
    counts = text.counts[SPLITS.index("train")]
    ranked = counts.argsort(descending=True, stable=True)
    before = counts[ranked].cumsum(0) - counts[ranked]
    frequent = torch.zeros(len(counts), dtype=torch.bool)
    frequent[ranked[before * 2 < counts.sum()]] = True
    return frequent
