"""What a model does not compute changes nothing: narrowed and in pieces, it learns the same weights.

Every encoding runs with one attention, and every attention with an encoding for each slot; the other pairs
run by `pytest -m proofs tests/core/model/test_queries.py`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from posharness.contracts import Batch, Body, Incompatible, Objective, PositionalEncoding, Task, UserError
from posharness.contracts.cell import Cell, ModelSettings
from posharness.contracts.encoding import SLOTS
from posharness.model import Model, build_model
from posharness.model.queries import chunk_size
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection

B, N, M, VOCABULARY, CLOSE = 3, 13, 11, 7, 1e-12
REGISTRY = Registry.load()
ENCODINGS = [entry.plugin.name for entry in REGISTRY.encodings.entries]
ATTENTIONS = [entry.plugin.name for entry in REGISTRY.attentions.entries]


def representative_pairs() -> list[tuple[str, str]]:
    """Every encoding with softmax attention, the others with an encoding for each slot that has few more."""
    slots = {name: slots_of(REGISTRY.encodings.find(name)) for name in ENCODINGS}
    fewest = {
        min((name for name in ENCODINGS if slot in slots[name]), key=lambda name: len(slots[name]))
        for slot in SLOTS
    }
    pairs = [(name, "softmax") for name in ENCODINGS]
    return pairs + [(name, other) for other in ATTENTIONS if other != "softmax" for name in sorted(fewest)]


def slots_of(encoding: type[PositionalEncoding]) -> list[str]:
    return [slot for slot in SLOTS if getattr(encoding, slot) is not getattr(PositionalEncoding, slot)]


REPRESENTATIVES = representative_pairs()
OTHERS = sorted(set(product(ENCODINGS, ATTENTIONS)) - set(REPRESENTATIVES))


class Marks(Task):
    """Predict tokens at some positions."""

    name = "marks"
    bodies: tuple[Body, ...] = ("encoder", "decoder", "encoder-decoder")
    vocabulary = VOCABULARY
    length = N
    evaluation_lengths = (N,)
    objectives = (Objective("mark", VOCABULARY, 1 / VOCABULARY),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: str) -> Batch:
        tokens, targets = torch.randint(VOCABULARY, (2, n, length), generator=generator)
        scored = torch.zeros(n, length, dtype=torch.bool)
        memory = torch.randint(VOCABULARY, (n, M), generator=generator)
        return Batch(
            tokens, targets, scored, 0 * tokens, memory=memory if self.body == "encoder-decoder" else None
        )


def everywhere(*positions: int) -> Tensor:
    scored = torch.zeros(B, N, dtype=torch.bool)
    scored[:, list(positions)] = True
    return scored


def by_row(*positions: tuple[int, ...]) -> Tensor:
    scored = torch.zeros(B, N, dtype=torch.bool)
    for row, own in enumerate(positions):
        scored[row, list(own)] = True
    return scored


SCORED = {
    "the same in all rows": everywhere(5, 9, 10),
    "one in a row or none": by_row((3, 8), (), (8,)),
    "all": everywhere(*range(N)),
    "no two alike": by_row((0, 1, 2, 3, 4), (5, 6, 7), (8, 9, 10, 11, 12)),
}
PADDING = torch.arange(N) >= torch.tensor([[13], [9], [13]])


def make_model(body: Body, encoding: str, attention: str, *, chunk: int, **settings: Any) -> Model:
    within = REGISTRY.select(REGISTRY.attentions, Selection(attention, {}))
    across = body == "encoder-decoder"
    cell = Cell(
        encoding=REGISTRY.select(REGISTRY.encodings, Selection(encoding, {})),
        attention=REGISTRY.select(REGISTRY.attentions, Selection("softmax", {})) if across else within,
        self_attention=within if across else None,
        body=body,
        task=REGISTRY.select(REGISTRY.tasks, Selection("offset_recall", {})),
        model=ModelSettings(width=16, heads=2, feedforward=2, chunk=chunk, **settings),
    )
    return build_model(cell, REGISTRY, Marks(body)).double()


def learn(model: Model, body: Body, *, plain: bool) -> dict[str, Tensor]:
    """The weights after a step with each pattern of scored positions, half of the steps with padding."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, eps=1e-3)
    for step, pattern in enumerate(("the same in all rows", "one in a row or none", "no two alike")):
        scored = SCORED[pattern]
        draws = torch.Generator().manual_seed(step)
        batch = replace(Marks(body).sample(draws, B, N, "train"), scored=scored)
        if step % 2:
            batch = replace(batch, scored=scored & ~PADDING, padding=PADDING)
        hidden = model(batch, draws)[batch.scored] if plain else model.scored(batch, draws)
        optimiser.zero_grad()
        cross_entropy(model.logits(hidden, 0), batch.targets[batch.scored]).backward()
        optimiser.step()
    return model.state_dict()


@pytest.fixture(autouse=True)
def double_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """What plugins compute in float32 for accuracy, they compute in float64."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)


@pytest.mark.parametrize(
    ("encoding", "attention"),
    REPRESENTATIVES + [pytest.param(*pair, marks=pytest.mark.proofs) for pair in OTHERS],
)
def test_weights_are_those_of_the_plain_path(encoding: str, attention: str) -> None:
    for body in ("encoder", "decoder"):
        try:
            plain = make_model(body, encoding, attention, chunk=0)
        except (Incompatible, UserError):
            continue
        expected = learn(plain, body, plain=True)
        found = learn(make_model(body, encoding, attention, chunk=4), body, plain=False)
        apart = {name: float((found[name] - weight).abs().max()) for name, weight in expected.items()}
        assert max(apart.values()) < CLOSE, max(apart.items(), key=lambda item: item[1])


@pytest.mark.parametrize("encoding", ["none", "relative", "t5", "rope"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_so_are_those_of_an_encoder_decoder(encoding: str, norm: str) -> None:
    body: Body = "encoder-decoder"
    expected = learn(make_model(body, encoding, "softmax", chunk=0, norm=norm), body, plain=True)
    found = learn(make_model(body, encoding, "softmax", chunk=4, norm=norm), body, plain=False)
    assert max(float((found[name] - weight).abs().max()) for name, weight in expected.items()) < CLOSE


def calls(attention: str, scored: Tensor, body: Body, chunk: int = 0) -> list[list[tuple[int, int]]]:
    """For each layer, queries and keys of each call of its attention; then the width of its feed-forward."""
    model = make_model(body, "none", attention, chunk=chunk)
    found: list[list[tuple[int, int]]] = []
    for block in model.body.blocks:
        own: list[tuple[int, int]] = []
        found.append(own)
        block.attention.attention.register_forward_pre_hook(
            lambda module, args, own=own: own.append((args[0].shape[2], args[1].shape[2]))
        )
    draws = torch.Generator().manual_seed(0)
    batch = replace(Marks(body).sample(draws, B, N, "train"), scored=scored)
    assert len(model.scored(batch, draws)) == int(scored.sum())
    return found


def test_the_last_layer_has_the_scored_tokens_as_queries() -> None:
    same, apart = SCORED["the same in all rows"], SCORED["no two alike"]
    assert calls("softmax", same, "encoder") == [[(N, N)], [(3, N)]]
    assert calls("softmax", same, "decoder") == [[(N, N)], [(3, 11)]]
    assert calls("softmax", apart, "encoder") == [[(N, N)], [(N, N)]]
    assert calls("sliding_window", same, "encoder") == [[(N, N)], [(8, N)]]
    assert calls("sliding_window", same, "decoder") == [[(N, N)], [(6, 11)]]
    assert calls("linear", same, "encoder") == [[(N, N)], [(3, N)]]
    assert calls("linear", same, "decoder", chunk=4) == [[(N, N)], [(N, N)]]


def test_a_causal_layer_is_computed_in_pieces_and_an_encoder_is_not() -> None:
    pieces = [(4, 4), (4, 8), (4, 12), (1, 13)]
    assert calls("softmax", SCORED["all"], "decoder", chunk=4) == [pieces, pieces]
    assert calls("softmax", SCORED["the same in all rows"], "decoder", chunk=2) == [
        [*((2, keys) for keys in range(2, N, 2)), (1, N)],
        [(2, 10), (1, 11)],
    ]
    assert calls("softmax", SCORED["all"], "encoder", chunk=4) == [[(N, N)], [(N, N)]]


def test_pieces_are_chosen_by_length_and_device() -> None:
    cpu = torch.device("cpu")
    assert [chunk_size(n, "auto", cpu) for n in (64, 256, 1024)] == [0, 64, 128]
    assert chunk_size(1024, "auto", torch.device("cuda")) == 0
    assert chunk_size(64, 32, torch.device("cuda")) == 32
    assert chunk_size(1024, 0, cpu) == 0


def test_feed_forward_reads_each_sequences_own_positions() -> None:
    model = make_model("encoder", "none", "softmax", chunk=0)
    widths: list[int] = []
    for block in model.body.blocks:
        block.feedforward.register_forward_pre_hook(lambda module, args: widths.append(args[0].shape[1]))
    for scored in (SCORED["one in a row or none"], SCORED["no two alike"], SCORED["all"]):
        draws = torch.Generator().manual_seed(0)
        model.scored(replace(Marks("encoder").sample(draws, B, N, "train"), scored=scored), draws)
    assert widths == [N, 2, N, 5, N, N]
