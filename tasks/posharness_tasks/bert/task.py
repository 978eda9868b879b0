"""The task bert: masked language modelling and next-sentence prediction on real text."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks.bert.corpora.corpus import Corpus, prepare_corpus
from posharness_tasks.bert.corpora.python_docs import PYTHON_DOCS
from posharness_tasks.bert.corpora.source import COLUMN, Documents
from posharness_tasks.bert.distance import nearest_copy, nearest_earlier_copy
from posharness_tasks.bert.encoded import FEWEST_DOCUMENTS, SPLITS, Encoded, prepare_encoded
from posharness_tasks.bert.facts import SpanFacts, measure_spans
from posharness_tasks.bert.masking import corrupt
from posharness_tasks.bert.names import piece_names
from posharness_tasks.bert.pairs import SHORTEST, Negatives, Pairs, draw_pairs
from posharness_tasks.bert.stream import Stream
from posharness_tasks.bert.vocabulary import MASK

__all__ = ["BertPretraining"]

_MLM, _NSP = 0, 1
_COUNTED = 2**17
"""Tokens that the most frequent one is counted in: its share is off by .0006."""
_MEASURED = 2**15
"""Tokens that dependency lengths are measured in, for each length."""
_MOST_ALONE = 0.5
"""Share of pairs from which on too few are pairs of sentences."""
_MORE_DOCUMENTS = (
    "give more or longer documents (in a text file, blank lines separate them: see the parameter documents), "
    "or ask for no pairs with negatives=none."
)
_RELATIONS = ("follows", "does not follow")
_FREQUENT, _RARE, _SHOWN, _TRUE_PAIR, _RANDOM_PAIR, _SWAPPED_PAIR = range(6)


class BertPretraining(Task):
    """Predict masked tokens, and whether the second part of a pair follows the first (1810.04805).

        input    [CLS] the [MASK] of a list . [SEP] it [MASK] a copy of banana list . [SEP]
        mlm            ·   items                       returns          the
        nsp      true pair

    `mlm` is scored on the chosen tokens, 15 % of each sequence: 80 % of them show [MASK], 10 % a random token
    and 10 % themselves. `nsp` is scored at [CLS]: 0 if B follows A; 1 if B comes from another document or, as
    a hard negative, precedes A. Masks and pairs are drawn for each batch from its generator: they are new in
    training, and the same in every evaluation. A corpus is split by document, and its vocabulary is learned
    from the training split.

    Sequences are filled up to their length, across sentences, paragraphs and documents (see `draw_spans`):
    [SEP] stands between two documents, and tokens see each other across it. Where under 80 % of the tokens
    are real, because a split is shorter than its sequences, the plan is refused unless `least_real` allows
    it. A length at which most pairs would hold one sentence alone is refused too.

    For a token that shows [MASK], the dependency length is the distance to the nearest visible copy of the
    hidden token. There is none without such a copy, and none for `nsp`. A copy is neither necessary nor
    sufficient, and frequent words always have one nearby, so the strata separate frequent tokens (the most
    frequent types, which make up half of the running text) from rare ones. Chosen tokens that do not show
    [MASK] have a stratum of their own and no dependency length: for most of them the answer is visible.

    With the body "decoder", the task is a causal language model of the same text, the counterpart of the
    encoder with the left context alone. In training it predicts every token of A and B from those before it;
    nothing is hidden. In validation and test, its `mlm` is scored on the same tokens as the encoder's, drawn
    by the same generator. Each prediction is made one position earlier, from the uncorrupted tokens up to
    there, and has the encoder's stratum: row by row, the difference is the benefit of the right context. Its
    dependency length is that of what the decoder sees: the distance from where it predicts to the nearest
    earlier copy, hidden from the encoder or not. There is no `nsp`, whose answer would come before the text.

    Chance is the accuracy of the best constant answer in sequences drawn from the test split: for `mlm`, the
    share of their most frequent token at the training length; for `nsp`, the share of the more frequent
    answer at each length.

    Args:
        corpus: `python-docs`, the path of a file, a folder or a pattern (see `local_source`), or an id on
            the Hub, `name` or `name:config`.
        text_column: the column of the texts in JSON, JSON lines, Parquet and on the Hub.
        documents: what ends a document in text files: "blank_lines", "lines" (each line is one), "files", or
            "auto": blank lines in a single file, and files in a folder or a pattern. Other formats mark
            their documents themselves: rows, `# newdoc` in CoNLL-U, titles in WikiText.
        vocabulary_size: most token ids, including the five special ones.
        length: tokens of a training sequence.
        evaluation_lengths: lengths that are tested.
        mask_rate: share of the tokens that is predicted.
        whole_words: whether all pieces of a word are chosen together.
        negatives: the wrong pairs of `nsp`: B from another document ("random"), A and B swapped ("order",
            1909.11942), or half of them each ("both"). With "none", a sequence is one part, `[CLS] A [SEP]`,
            and there is no `nsp`, as in 1907.11692 and 2212.14034.
        known_sentences: "exclude" leaves sentences that stand in the training split too out of validation
            and test.
        least_real: smallest share of real tokens that is allowed at any length.
        most_unknown: largest share of unknown tokens that is allowed.
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
        text_column: str = COLUMN,
        documents: Documents = "auto",
        vocabulary_size: int = 2048,
        length: int = 64,
        evaluation_lengths: tuple[int, ...] = (64, 128),
        mask_rate: float = 0.15,
        whole_words: bool = False,
        negatives: Negatives = "random",
        known_sentences: Literal["keep", "exclude"] = "keep",
        least_real: float = 0.8,
        most_unknown: float = 0.2,
    ) -> None:
        super().__init__(body)
        if min(length, *evaluation_lengths) < SHORTEST:
            raise UserError(
                f"bert: a length of {min(length, *evaluation_lengths)} tokens is too short for a pair of "
                f"sentences: choose {SHORTEST} or more."
            )
        if not 0.0 < mask_rate < 1.0:
            raise UserError(f"bert: mask_rate must be between 0 and 1; got {mask_rate}.")
        for name, share in (("least_real", least_real), ("most_unknown", most_unknown)):
            if not 0.0 <= share <= 1.0:
                raise UserError(f"bert: {name} must be from 0 to 1; got {share}.")
        self.corpus = corpus
        self.text_column = text_column
        self.documents = documents
        self.vocabulary_size = vocabulary_size
        self.length = length
        self.evaluation_lengths = tuple(evaluation_lengths)
        self.mask_rate = mask_rate
        self.whole_words = whole_words
        self.negatives = negatives
        self.known_sentences = known_sentences
        self.least_real = least_real
        self.most_unknown = most_unknown
        self.objectives = self._objectives(0, 0.0, 0.5)
        self._majority: dict[int, float] = {}
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Write the corpus, train its vocabulary and encode it, or find all of these in the cache.

        Raises:
            UserError: the corpus is missing, unreadable or too small; its sequences have too much padding or
                too few pairs; or too many of its tokens are unknown.
        """
        corpus = prepare_corpus(self.corpus, cache / "bert", self.text_column, self.documents)
        text = prepare_encoded(corpus, self.vocabulary_size, cache / "bert")
        self._refuse_unknown(text)
        exclude = self.known_sentences == "exclude"
        self._streams = {name: Stream.of(text, name, without_known=exclude) for name in SPLITS}
        self._fingerprint = f"corpus:{corpus.sha256} tokens:{text.digest}"
        self.vocabulary = text.vocabulary
        self.tokenizer = text.tokenizer
        self.token_names = piece_names(text.tokenizer)
        self._frequent = _frequent(text)
        self._continuing = text.continuing
        self._refuse_few_documents(corpus)
        spans = {
            (split, length): measure_spans(stream, length, self.negatives)
            for split, stream in self._streams.items()
            for length in {self.length, *(self.evaluation_lengths if split == "test" else ())}
        }
        for (split, length), facts in spans.items():
            self._refuse_unfilled(split, length, facts)
        self._majority = {
            length: facts.majority for (split, length), facts in spans.items() if split == "test"
        }
        own = spans["test", self.length]
        most_frequent = _most_frequent(self._streams["test"], self.length, self.negatives)
        self.objectives = self._objectives(text.vocabulary, most_frequent, own.majority)
        self._facts = self._told(corpus, text, spans)

    def _objectives(self, vocabulary: int, most_frequent: float, majority: float) -> tuple[Objective, ...]:
        mlm = Objective("mlm", vocabulary, most_frequent, "mlm")
        return (mlm, Objective("nsp", 2, majority, "pooled", _RELATIONS)) if self._asks_for_pairs else (mlm,)

    @property
    def _asks_for_pairs(self) -> bool:
        return self.body == "encoder" and self.negatives != "none"

    def _refuse_unknown(self, text: Encoded) -> None:
        if text.unknown > self.most_unknown:
            raise UserError(
                f"a vocabulary of {text.vocabulary} leaves {text.unknown:.0%} of the tokens of the corpus "
                f"{self.corpus!r} unknown; at most {self.most_unknown:.0%} may be: choose a larger "
                "vocabulary_size (--tasks 'bert[vocabulary_size=8192]'), or allow it with most_unknown."
            )

    def _refuse_few_documents(self, corpus: Corpus) -> None:
        """Every split needs some text, and pairs need documents of two sentences, and other documents."""
        if self._asks_for_pairs and corpus.documents < FEWEST_DOCUMENTS:
            raise UserError(
                f"the corpus {self.corpus!r} has {corpus.documents} documents, and pairs of sentences need "
                f"{FEWEST_DOCUMENTS}: {_MORE_DOCUMENTS}"
            )
        for split, stream in self._streams.items():
            documents = len(stream.documents) - 1
            if documents < 2 or (self._asks_for_pairs and not len(stream.continuing)):
                left = " that do not stand in training" if self.known_sentences == "exclude" else ""
                raise UserError(
                    f"the corpus {self.corpus!r} is too small in its {split} split ({documents} documents of "
                    f"{stream.sentences} sentences{left}): {_MORE_DOCUMENTS}"
                )

    def _refuse_unfilled(self, split: Split, length: int, facts: SpanFacts) -> None:
        if facts.real < self.least_real:
            raise UserError(
                f"{facts.real:.0%} of the tokens are real in sequences of {length} from the {split} split of "
                f"the corpus {self.corpus!r} ({self._streams[split].size} tokens); at least "
                f"{self.least_real:.0%} must be: give more text or shorter lengths, or allow it with "
                "least_real (--tasks 'bert[least_real=0]')."
            )
        if self._asks_for_pairs and facts.alone > _MOST_ALONE:
            raise UserError(
                f"pairs of {length} tokens are too short for the {split} split of the corpus "
                f"{self.corpus!r}: {facts.alone:.0%} have no room for two sentences of one document, and "
                f"saying so would be right in {facts.majority:.0%}; choose greater lengths, longer "
                "documents, or negatives=none."
            )

    def _told(
        self, corpus: Corpus, text: Encoded, spans: dict[tuple[Split, int], SpanFacts]
    ) -> dict[str, int | float | str]:
        """What `facts` gives."""
        told: dict[str, int | float | str] = {
            "documents": corpus.documents,
            "documents that repeat another": corpus.copies,
            "training tokens": self._streams["train"].size,
            "test tokens": self._streams["test"].size,
            "unknown tokens": round(text.unknown, 4),
            "test sentences in training": round(text.known_share("test"), 4),
            "test sentences in training, of 8 tokens or more": round(
                text.known_share("test", longer=True), 4
            ),
        }
        for length in sorted({self.length, *self.evaluation_lengths}):
            told[f"real tokens at {length}"] = round(spans["test", length].real, 3)
            told[f"dependency length at {length}"] = self._distances(length)
        return told

    def _distances(self, length: int) -> str:
        """Median, 90th percentile and maximum of the dependency lengths in test sequences."""
        generator = torch.Generator().manual_seed(0)
        batch = self.sample(generator, -(-_MEASURED // length), length, "test")
        found = batch.dependency_length[batch.scored]
        found = found[found >= 0].double()
        if not len(found):
            return "none"
        middle, far = (int(found.quantile(share)) for share in (0.5, 0.9))
        return f"median {middle}, 90th percentile {far}, longest {int(found.max())}"

    def facts(self) -> dict[str, int | float | str]:
        """Size of the corpus, what its splits share, and for each length real tokens and distances."""
        return self._facts

    def fingerprint(self) -> str:
        """The SHA-256 of the corpus's text and of its encoding; "" before `prepare`."""
        return self._fingerprint

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        pairs = draw_pairs(generator, n, length, self._streams[split], self.negatives)
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
        stratum = torch.where(hidden, self._by_frequency(pairs.tokens), _SHOWN)
        if self.body == "decoder":
            return self._next_tokens(pairs, chosen, nearest_earlier_copy(pairs.tokens, chosen), stratum)
        objective = torch.full_like(shown, _MLM)
        chance = torch.full(shown.shape, self.objectives[_MLM].chance)
        targets, scored = pairs.tokens.clone(), chosen.clone()
        if self._asks_for_pairs:
            objective[:, 0] = _NSP
            targets[:, 0] = (pairs.random | pairs.swapped).long()
            scored[:, 0] = True
            kind = torch.where(pairs.random, _RANDOM_PAIR, _TRUE_PAIR)
            stratum[:, 0] = torch.where(pairs.swapped, _SWAPPED_PAIR, kind)
            chance[:, 0] = self._majority.get(length, self.objectives[_NSP].chance)
        return Batch(
            tokens=shown,
            targets=targets,
            scored=scored,
            dependency_length=nearest_copy(shown, pairs.tokens, hidden),
            padding=pairs.padding,
            segments=pairs.segments,
            objective=objective,
            stratum=stratum,
            chance=chance,
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


def _most_frequent(stream: Stream, length: int, negatives: Negatives) -> float:
    """The share of the most frequent token in sequences of a split; the same ones each time."""
    pairs = draw_pairs(torch.Generator().manual_seed(0), -(-_COUNTED // length), length, stream, negatives)
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
