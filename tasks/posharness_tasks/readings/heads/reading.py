"""The reading heads: how well a probe finds each word's syntactic head in frozen states, by arc length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posharness.contracts import Answers, MaskedModel, UserError
from posharness_tasks.readings.batching import Progress, longest, subprogress, word_pieces
from posharness_tasks.readings.heads.arcs import Arcs
from posharness_tasks.readings.heads.parses import Parse, batch_parses, word_states
from posharness_tasks.readings.heads.probe import train_probe
from posharness_tasks.readings.heads.relations import STRATA
from posharness_tasks.readings.heads.split import PARTS, parts
from posharness_tasks.readings.treebank import TreebankReading


class Heads(TreebankReading):
    """A biaffine probe (1611.01734) predicts the head of each word from the model's frozen states.

    A word's state in a layer is the mean of its pieces' states, and the probe learns how to mix the
    embeddings and the layers (1802.05365). It is trained on 80 % of the treebank's words, stopped by another
    10 % and scored on the last 10 %, in whole documents where they are even enough (see `parts`). As in
    McDonald & Nivre (2007), it is scored by arc length, |head − dependent| in words, and punctuation is not
    scored (but may be predicted as a head). The conditions are:

    * none: recall, by the length of the gold arc. A root has no length.
    * `predicted length`: precision, by the length of the predicted arc.
    * `untrained encoder`: recall of a probe on the states of the same model before any training, with the
      same budget, initial weights and order of batches. It shows what the probe learns from words and
      positions alone; the difference is what the model contributes.

    The strata are coarse relations by the direction of the head (see `relations`). By predicted length it is
    the predicted direction: "root" has the words that were predicted to be a root, and a root that was given
    a head is "other". `log_prob` is always that of the gold head.

    Chance is the accuracy of the best constant answer on the test part: "k words to the right", or "the
    root". Sentences of one word, and sentences longer than the model reads, are left out.
    """

    name = "heads"
    aliases = ("head",)
    summary = "Syntactic heads found by a biaffine probe in frozen states, by arc length"
    paper = "arXiv:1611.01734"
    strata = STRATA
    objectives = ("head",)
    conditions = ("", "predicted length", "untrained encoder")

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        split = self._split(model)
        arcs = [Arcs.of(parses) for parses in split]
        test = arcs[-1]
        self.sizes = {
            f"{name} {what}": size
            for name, parses, asked in zip(PARTS, split, arcs, strict=True)
            for what, size in (
                ("sentences", len(parses)),
                ("words", sum(len(parse.pieces) for parse in parses)),
                ("arcs", len(asked.head)),
            )
        }
        # One seed for both, so that the probes differ by the states that they see and by nothing else.
        seed = int(torch.randint(2**62, (), generator=generator))
        picked, log_prob = _pick(model, split, seed, subprogress(report_progress, 0, 50, 100))
        control = _pick(untrained(), split, seed, subprogress(report_progress, 50, 100, 100))
        recall, precision, without = self.conditions
        return [
            test.answers(recall, test.head, picked, log_prob),
            test.answers(precision, picked, picked, log_prob),
            test.answers(without, test.head, *control),
        ]

    def _split(self, model: MaskedModel) -> list[list[Parse]]:
        """The sentences of each part that the model can read, shortest first."""
        sentences = [sentence for document in self._documents for sentence in document]
        pieces = word_pieces(model, [[word.form for word in sentence.words] for sentence in sentences])
        limit = longest(model)
        split: list[list[Parse]] = [[] for _ in PARTS]
        for number, part in enumerate(parts(self._documents)):
            parse = Parse(number, sentences[number], pieces[number])
            if len(parse.pieces) > 1 and parse.length <= limit and any(parse.scored):
                split[part].append(parse)
        for name, parses in zip(PARTS, split, strict=True):
            if not parses:
                raise UserError(
                    f"heads: the {name} part of {self.corpus!r} has no sentence of two words or more that "
                    f"the model can read ({len(sentences)} sentences are given): give a larger treebank."
                )
        return [sorted(parses, key=lambda parse: len(parse.pieces)) for parses in split]


def _pick(
    model: MaskedModel, split: Sequence[Sequence[Parse]], seed: int, report_progress: Progress
) -> tuple[Int[Tensor, " m"], Float[Tensor, " m"]]:
    """Train a probe on the model's states, and predict the heads in the test part.

    Returns:
        the predicted heads, and the log-probabilities of the gold heads.
    """
    states = word_states(
        model, [parse for part in split for parse in part], subprogress(report_progress, 0, 20, 100)
    )
    train, validation, test = (batch_parses(part, states) for part in split)
    generator = torch.Generator().manual_seed(seed)
    probe = train_probe(train, validation, generator, subprogress(report_progress, 20, 100, 100))
    with torch.no_grad():
        expected = [probe(batch.states, batch.words)[batch.scored] for batch in test]
    gold = [batch.heads[batch.scored] for batch in test]
    return (
        torch.cat([heads.argmax(-1) for heads in expected]),
        torch.cat([e.gather(1, g[:, None])[:, 0] for e, g in zip(expected, gold, strict=True)]),
    )
