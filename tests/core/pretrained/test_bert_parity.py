"""The body "bert" with learned positions is BERT: same weights, same logits, loss and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from posharness.contracts import Batch, Body, Objective, Task
from posharness.contracts.cell import Cell, ModelSettings
from posharness.model import Model, build_model
from posharness.pretrained.bert_names import from_bert, to_bert
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

B, N, VOCABULARY, HEADS, HEAD_WIDTH, LAYERS, WIDER, ROWS = 5, 17, 103, 3, 7, 2, 3, 19
WIDTH = HEADS * HEAD_WIDTH
IGNORED = -100


class Pairs(Task):
    """The shape of BERT pretraining."""

    name = "pairs"
    bodies: tuple[Body, ...] = ("encoder",)
    vocabulary = VOCABULARY
    segments = 2
    length = ROWS
    evaluation_lengths = (ROWS,)
    objectives = (Objective("mlm", VOCABULARY, 0.1, "mlm"), Objective("nsp", 2, 0.5, "pooled"))

    def sample(self, generator: torch.Generator, n: int, length: int, split: str) -> Batch:
        raise NotImplementedError


@pytest.fixture(scope="module")
def reference() -> Any:
    """A BERT all of whose weights are random: no bias is 0 and no gain 1."""
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=WIDER * WIDTH,
        max_position_embeddings=ROWS,
    )
    model = transformers.BertForPreTraining(config).eval()
    generator = torch.Generator().manual_seed(2)
    for name, parameter in model.named_parameters():
        gain = name.endswith("LayerNorm.weight")
        torch.nn.init.normal_(parameter, mean=float(gain), std=0.3, generator=generator)
    return model


@pytest.fixture(scope="module")
def ours(reference: Any) -> Model:
    registry = Registry.load()
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection("learned", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.select(registry.tasks, Selection("bert", {})),
        model=ModelSettings(
            width=WIDTH, layers=LAYERS, heads=HEADS, feedforward=WIDER, norm="post", scale_embedding=False
        ),
    )
    model = build_model(cell, registry, Pairs("encoder"))
    model.load_state_dict(from_bert(reference.state_dict(), LAYERS))
    return model.eval()


@pytest.fixture(scope="module")
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(VOCABULARY, (B, N), generator=generator)
    real = torch.tensor([17, 13, 11, 17, 3])
    scored = torch.rand(B, N, generator=generator) < 0.3
    scored[:, 0] = False
    padding = torch.arange(N) >= real[:, None]
    return Batch(
        tokens,
        torch.randint(VOCABULARY, (B, N), generator=generator),
        scored & ~padding,
        torch.full((B, N), -1),
        padding=padding,
        segments=(torch.arange(N) > real[:, None] // 2).long(),
    )


NEXT = torch.tensor([0, 1, 1, 0, 1])


def losses(ours: Model, batch: Batch) -> Tensor:
    hidden = ours(batch, torch.Generator())
    masked = cross_entropy(ours.logits(hidden[batch.scored], 0), batch.targets[batch.scored])
    return masked + cross_entropy(ours.logits(hidden[:, 0], 1), NEXT)


def theirs(reference: Any, batch: Batch) -> Any:
    assert batch.padding is not None
    return reference(
        input_ids=batch.tokens,
        attention_mask=(~batch.padding).long(),
        token_type_ids=batch.segments,
        labels=batch.targets.where(batch.scored, IGNORED),
        next_sentence_label=NEXT,
    )


def test_logits_are_the_same(ours: Model, reference: Any, batch: Batch) -> None:
    assert batch.padding is not None
    real = ~batch.padding
    with torch.no_grad():
        hidden, expected = ours(batch, torch.Generator()), theirs(reference, batch)
        masked, following = ours.logits(hidden[real], 0), ours.logits(hidden[:, 0], 1)
    torch.testing.assert_close(masked, expected.prediction_logits[real], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(following, expected.seq_relationship_logits, rtol=1e-5, atol=1e-5)
    assert masked.std(0).mean() > 0.3
    assert following.std(0).mean() > 0.1


def test_the_loss_is_the_same_and_so_are_its_gradients(ours: Model, reference: Any, batch: Batch) -> None:
    ours.zero_grad()
    reference.zero_grad()
    loss, expected = losses(ours, batch), theirs(reference, batch).loss
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    loss.backward()
    expected.backward()
    gradients = {n: p.grad for n, p in ours.named_parameters(remove_duplicate=False) if p.grad is not None}
    wanted = {n: p.grad for n, p in reference.named_parameters(remove_duplicate=False)}
    mapped = to_bert(gradients, LAYERS)
    assert mapped.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(mapped[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_every_weight_has_a_name_on_either_side(ours: Model, reference: Any) -> None:
    ahead = to_bert(ours.state_dict(), LAYERS)
    weights = reference.state_dict()
    assert ahead.keys() == weights.keys() - {"bert.embeddings.position_ids"}
    assert all(torch.equal(ahead[name], weights[name]) for name in ahead)
    assert from_bert(ahead, LAYERS).keys() == ours.state_dict().keys()


def test_it_starts_at_the_scale_of_bert() -> None:
    registry = Registry.load()
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection("learned", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body="encoder",
        task=registry.select(registry.tasks, Selection("bert", {})),
        model=ModelSettings(width=128, layers=2, heads=2, norm="post", scale_embedding=False),
    )
    for name, weight in build_model(cell, registry, Pairs("encoder")).named_parameters():
        if weight.ndim == 2:
            sparse = weight.numel() < 1000  # two segments, two classes
            assert weight.std().item() == pytest.approx(0.02, rel=0.3 if sparse else 0.05), name
        else:
            assert torch.equal(weight, torch.full_like(weight, float("norm.weight" in name))), name
