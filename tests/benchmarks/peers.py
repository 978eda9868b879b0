"""Prints how long a training step takes beside the same one of `transformers` and of `x-transformers`.

python tests/benchmarks/peers.py                    all of it, in some minutes
python tests/benchmarks/peers.py bert decoders      some of it

A row is one model and batch of ours and of a peer, of the same sizes, without dropout, with the same loss and
optimiser, in one process with one thread; they take turns. Milliseconds are medians of processor time; a
ratio is the median over the turns of the peer's time over ours, so that above 1 ours is faster, and the
spread is from the lower to the upper quartile. Of `transformers`, BERT is given padding, segments and labels,
as it is shipped ("eager", "sdpa"), and once with its vocabulary's logits at masked positions only ("masked").
Of `x-transformers`, a causal decoder with its fused attention ("flash") and without ("default").
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
import transformers
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from x_transformers import Decoder, TransformerWrapper

from posharness.conformance.bench import VOCABULARY
from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell, ModelSettings, OptimiserSettings
from posharness.cost.step import choices, training_step
from posharness.defaults import cache_root
from posharness.model import Model, build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.seeds import generator
from posharness.training.batches import predicted
from posharness.training.optimiser import adamw

Step = Callable[[], None]

_TURNS = 15
_IGNORED = -100
_BERT_SIZES = ((128, 128, 16), (256, 128, 8))
"""Width, tokens and sequences; four layers."""
_LENGTH, _BATCH = 256, 16
_DECODERS: Mapping[str, Mapping[str, bool]] = {
    "none": {},
    "learned": {"use_abs_pos_emb": True},
    "alibi": {"alibi_pos_bias": True},
    "rope": {"rotary_pos_emb": True},
    "t5": {"rel_pos_bias": True},
    "xpos": {"rotary_xpos": True},
    "forgetting_gate": {"attn_data_dependent_alibi": True},
}
"""Each encoding that `x-transformers` has too, and what it is told there."""
_NOT_FUSED = ("t5",)
"""`x-transformers` refuses a learned bias with its fused attention."""


def main(names: Sequence[str]) -> None:
    """Measure the named groups, by default all, and print one row for each peer."""
    torch.set_num_threads(1)
    registry = Registry.load()
    sys.stdout.write("| model | peer | ours ms | peer ms | ratio | spread |\n|---|---|---|---|---|---|\n")
    for name in names or _GROUPS:
        for model, steps in _GROUPS[name](registry):
            _compare(model, steps)


def _compare(model: str, steps: Mapping[str, Step]) -> None:
    """Let our step and its peers take turns, and print a row for each peer."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_TURNS + 2):
        for name, step in steps.items():
            start = time.process_time()
            step()
            seconds[name].append(time.process_time() - start)
    times = {name: own[2:] for name, own in seconds.items()}  # the first steps take memory
    ours = times.pop("ours")
    for peer, own in times.items():
        low, middle, high = statistics.quantiles(
            [theirs / mine for theirs, mine in zip(own, ours, strict=True)], n=4
        )
        milliseconds = (f"{1000 * statistics.median(each):.1f}" for each in (ours, own))
        sys.stdout.write(f"| {model} | {peer} | {' | '.join(milliseconds)} | {middle:.2f} ")
        sys.stdout.write(f"| {low:.2f}–{high:.2f} |\n")
        sys.stdout.flush()


def _bert(registry: Registry) -> Iterator[tuple[str, Mapping[str, Step]]]:
    """BERT's pretraining step: masked tokens and next sentences."""
    for width, length, sequences in _BERT_SIZES:
        given = registry.choose(registry.tasks.find("bert"), {"length": str(length)})
        task = registry.task(given, "encoder")
        task.prepare(cache_root())
        batch = task.sample(generator("benchmark"), sequences, length, "train")
        cell = Cell(
            encoding=registry.select(registry.encodings, Selection("learned", {})),
            attention=registry.select(registry.attentions, Selection("softmax", {})),
            body="encoder",
            task=given,
            model=ModelSettings(width=width, layers=4).like_bert(),
        )
        model = build_model(cell, registry, task)

        steps = {"ours": _step(model, _our_loss(model, task, batch))}
        for peer, attention in {"eager": "eager", "sdpa": "sdpa", "masked": "sdpa"}.items():
            config = transformers.BertConfig(
                vocab_size=task.vocabulary,
                hidden_size=width,
                num_hidden_layers=4,
                num_attention_heads=cell.model.heads,
                intermediate_size=cell.model.feedforward * width,
                max_position_embeddings=length,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                attn_implementation=attention,
            )
            theirs = transformers.BertForPreTraining(config)
            loss = _masked_loss(theirs, batch) if peer == "masked" else _loss(theirs, batch)
            steps[f"transformers, {peer}"] = _step(theirs, loss)
        yield f"bert, width {width}, {length} tokens", steps


def _our_loss(model: Model, task: Task, batch: Batch) -> Callable[[], Tensor]:
    def loss() -> Tensor:
        hidden = model.scored(batch, generator("positions"))
        targets = batch.targets[batch.scored]
        losses = []
        for index in range(len(task.objectives)):
            own = predicted(batch, index)[batch.scored]
            losses.append(cross_entropy(model.logits(hidden[own], index), targets[own]))
        return torch.stack(losses).sum()

    return loss


def _loss(model: nn.Module, batch: Batch) -> Callable[[], Tensor]:
    """The loss of `BertForPreTraining` itself."""
    mlm, nsp = (predicted(batch, index) for index in range(2))
    labels = batch.targets.masked_fill(~mlm, _IGNORED)

    def loss() -> Tensor:
        found: Tensor = model(**_inputs(batch), labels=labels, next_sentence_label=batch.targets[nsp]).loss
        return found

    return loss


def _masked_loss(model: transformers.BertForPreTraining, batch: Batch) -> Callable[[], Tensor]:
    """The same loss with the vocabulary's logits at masked positions only."""
    mlm, nsp = (predicted(batch, index) for index in range(2))

    def loss() -> Tensor:
        states = model.bert(**_inputs(batch))
        words = model.cls.predictions(states.last_hidden_state[mlm])
        pairs = model.cls.seq_relationship(states.pooler_output)
        return cross_entropy(words, batch.targets[mlm]) + cross_entropy(pairs, batch.targets[nsp])

    return loss


def _inputs(batch: Batch) -> dict[str, Tensor | None]:
    seen = None if batch.padding is None or not batch.padding.any() else (~batch.padding).long()
    return {"input_ids": batch.tokens, "attention_mask": seen, "token_type_ids": batch.segments}


def _decoders(registry: Registry) -> Iterator[tuple[str, Mapping[str, Step]]]:
    """A causal language model's step: every token predicts one."""
    settings = ModelSettings()
    for encoding, options in _DECODERS.items():
        chosen = choices(registry, encoding)
        ours = training_step(registry, *chosen, length=_LENGTH, batch=_BATCH, direction="causal")
        steps: dict[str, Step] = {"ours": ours}
        for peer, flash in {"flash": True, "default": False}.items():
            if flash and encoding in _NOT_FUSED:
                continue
            embedded = bool(options.get("use_abs_pos_emb"))
            layers = Decoder(
                dim=settings.width,
                depth=settings.layers,
                heads=settings.heads,
                attn_dim_head=settings.width // settings.heads,
                ff_mult=settings.feedforward,
                attn_flash=flash,
                verbose=False,
                **{name: value for name, value in options.items() if name != "use_abs_pos_emb"},
            )
            model = TransformerWrapper(
                num_tokens=VOCABULARY, max_seq_len=_LENGTH, attn_layers=layers, use_abs_pos_emb=embedded
            )
            steps[f"x-transformers, {peer}"] = _step(model, _language_loss(model))
        yield f"decoder, {encoding}, {_LENGTH} tokens", steps


def _language_loss(model: nn.Module) -> Callable[[], Tensor]:
    tokens = torch.randint(VOCABULARY, (_BATCH, _LENGTH), generator=generator("tokens"))
    return lambda: cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())


def _step(model: nn.Module, loss: Callable[[], Tensor]) -> Step:
    optimiser = adamw(model, OptimiserSettings())

    def step() -> None:
        found = loss()
        optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


_GROUPS: Mapping[str, Callable[[Registry], Iterator[tuple[str, Mapping[str, Step]]]]] = {
    "bert": _bert,
    "decoders": _decoders,
}


if __name__ == "__main__":
    main(sys.argv[1:])
