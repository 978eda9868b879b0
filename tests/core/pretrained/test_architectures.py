"""Every encoder of the installed transformers: an answer does not depend on the sequences asked beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.errors import UserError
from posharness.pretrained.external import ExternalModel
from posharness_tasks.readings.batching import masked_log_probs
from posharness_tasks.readings.heads.parses import Parse, word_states
from posharness_tasks.text.treebank import Sentence

from .test_external import wordpiece, wrapped

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

TOKENIZER = wrapped(wordpiece())
SIZE = {
    **dict.fromkeys(("hidden_size", "d_model", "dim", "emb_dim", "embedding_size"), 24),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_heads"), 2),
    **dict.fromkeys(("intermediate_size", "hidden_dim"), 32),
    "vocab_size": len(TOKENIZER),
    "pad_token_id": TOKENIZER.pad_token_id,
    "cls_token_id": TOKENIZER.cls_token_id,
    "sep_token_id": TOKENIZER.sep_token_id,
    "bos_token_id": TOKENIZER.cls_token_id,
    "eos_token_id": TOKENIZER.sep_token_id,
    "mask_token_id": TOKENIZER.mask_token_id,
}
"""The sizes by the names that configurations give them; each takes those that it has."""
OWN: dict[str, dict[str, Any]] = {
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 9, "entity_emb_size": 8},
    "neomme": {"num_key_value_heads": 2, "head_dim": 16},
    "reformer": {
        "axial_pos_embds_dim": (8, 16),
        "axial_pos_shape": (8, 16),
        "max_position_embeddings": 128,
        "attention_head_size": 12,
        "feed_forward_size": 32,
        "attn_layers": ["local", "lsh"],
        "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4,
    },
    "roc_bert": {"pronunciation_vocab_size": 9, "shape_vocab_size": 9},
    "xmod": {"default_language": "en_XX"},
}
FUNNEL = {"block_sizes": [1, 1, 1], "d_model": 24, "d_head": 12, "d_inner": 32, "n_head": 2}
SKIPPED = {
    "modernvbert": "reads images",
    "mra": "computes no attention without its CUDA kernel, and is refused: see below",
    "perceiver": "reads more than tokens, and is refused: see below",
    "ultravbert": "reads images",
}
PERCEIVER = {
    "num_latents": 5,
    "d_latents": 24,
    "d_model": 24,
    "num_self_attends_per_block": 1,
    "num_self_attention_heads": 2,
    "num_cross_attention_heads": 2,
    "max_position_embeddings": 32,
}


def architectures() -> Iterator[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING as MAPPING

    for config in MAPPING:
        if not config().is_encoder_decoder:
            yield config.model_type


def tiny(name: str) -> ExternalModel:
    """A model of an architecture, with random weights that are not near 0."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING as MAPPING

    kind = CONFIG_MAPPING[name]
    usual = kind()
    sizes = {key: value for key, value in SIZE.items() if hasattr(usual, key)}
    config = kind(
        **({"vocab_size": len(TOKENIZER), **FUNNEL} if name == "funnel" else sizes | OWN.get(name, {}))
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MAPPING[kind](config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.2)
    return ExternalModel(name, model, TOKENIZER)


@pytest.fixture(params=[pytest.param(name, id=name) for name in architectures()])
def model(request: pytest.FixtureRequest) -> ExternalModel:
    if request.param in SKIPPED:
        pytest.skip(f"{request.param} {SKIPPED[request.param]}")
    opened = tiny(request.param)
    opened.check()
    return opened


def questions(model: ExternalModel) -> list[Tensor]:
    """Sequences of 9 to 23 tokens, several of each length, each with a mask at 3."""
    draws = torch.Generator().manual_seed(1)
    rows = []
    for length in (16, 9, 23, 16, 9, 11, 16, 23):
        inner = torch.randint(5, len(TOKENIZER), (length - 2,), generator=draws)
        rows.append(torch.tensor([model.cls, *inner.tolist(), model.sep]))
        rows[-1][3] = model.mask
    return rows


def log_probs(model: ExternalModel, rows: list[Tensor]) -> Tensor:
    found = torch.zeros(len(rows), model.vocabulary)
    asked = torch.full((len(rows), 1), 3)
    for index, expected in masked_log_probs(model, rows, asked, lambda done, whole: None):
        found[index] = expected[:, 0]
    return found


def test_an_answer_is_the_same_with_and_without_neighbours(model: ExternalModel) -> None:
    rows = questions(model)
    together = log_probs(model, rows)
    alone = torch.cat([log_probs(model, [row]) for row in rows])
    assert float((together - alone).abs().max()) < 1e-4
    assert float(together.std(0).max()) > 1e-3  # the answers depend on the sequence

    parses = [
        Parse(n, Sentence((), "", True), [[token] for token in row[1:-1].tolist()])
        for n, row in enumerate(rows)
    ]
    states = word_states(model, parses, lambda done, whole: None)
    for parse in parses:
        one = word_states(model, [parse], lambda done, whole: None)[parse.number]
        assert one.shape == (len(parse.pieces), one.shape[1], model.width)
        assert torch.allclose(one, states[parse.number], atol=1e-4)


def test_what_reads_more_than_tokens_is_refused_with_the_reason() -> None:
    config = transformers.PerceiverConfig(**PERCEIVER, vocab_size=len(TOKENIZER))
    with pytest.raises(UserError, match=r"does not run on the ids of tokens alone .* argument: 'inputs'"):
        ExternalModel("perceiver", transformers.PerceiverForMaskedLM(config), TOKENIZER)


def test_a_model_that_does_not_read_the_sequence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = tiny("bert")

    def blind(self: Any, hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
        return torch.zeros_like(hidden_states), None

    monkeypatch.setattr(transformers.models.bert.modeling_bert.BertSelfAttention, "forward", blind)
    with pytest.raises(UserError, match="gives a token the same state whatever the others are"):
        opened.check()


def test_a_model_whose_answers_depend_on_their_neighbours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = tiny("bert")
    forward = transformers.models.bert.modeling_bert.BertSelfAttention.forward

    def mixed(self: Any, hidden_states: Tensor, *given: Any, **more: Any) -> Any:
        return forward(self, hidden_states + 0.1 * hidden_states.mean(0), *given, **more)

    monkeypatch.setattr(transformers.models.bert.modeling_bert.BertSelfAttention, "forward", mixed)
    with pytest.raises(UserError, match="answers a sequence differently when it is asked beside others"):
        opened.check()
