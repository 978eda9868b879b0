"""An encoder-decoder reads its memory across, by the attention chosen for that, and nothing else joins it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from posharness.contracts import Batch, Body, Geometry, Incompatible, Objective, Task
from posharness.contracts.cell import Cell, ModelSettings
from posharness.model import Model, build_model
from posharness.model.attention import CrossAttention, Memory
from posharness.model.two_stacks import TwoStacks
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection

WIDTH, HEADS, LAYERS, B, N, M, VOCABULARY = 30, 3, 2, 2, 5, 7, 13
BUILT_IN = ("none", "absolute", "learned", "relative", "alibi", "rope")

PLUGINS = """
from posharness.contracts import Attention, hookimpl

class Probe(Attention):
    name = "probe"
    def __init__(self, geometry):
        super().__init__(geometry)
        self.calls = []
    def forward(self, q, k, v, mask, slots):
        self.calls.append((q, k, v, mask, slots))
        return q

class Inward(Probe):
    name = "inward"
    supports_cross_attention = False

@hookimpl
def posharness_attentions():
    return [Probe, Inward]
"""


class Pairs(Task):
    """Random tokens beside a longer random memory."""

    name = "pairs"
    bodies: tuple[Body, ...] = ("encoder-decoder",)
    vocabulary = VOCABULARY
    length = M
    evaluation_lengths = (M,)
    objectives = (Objective("next", VOCABULARY, 1 / VOCABULARY),)

    def decoder_length(self, length: int) -> int:
        return length - 2

    def sample(self, generator: torch.Generator, n: int, length: int, split: str) -> Batch:
        tokens = torch.randint(VOCABULARY, (n, self.decoder_length(length)), generator=generator)
        memory = torch.randint(VOCABULARY, (n, length), generator=generator)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens), memory=memory)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("plugins") / "probes.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


def make_model(
    registry: Registry,
    encoding: str = "relative",
    *,
    attention: str = "softmax",
    inside: str | None = "softmax",
    seed: int = 0,
    **settings: Any,
) -> Model:
    sizes: dict[str, Any] = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, **settings}
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, {})),
        attention=registry.select(registry.attentions, Selection(attention, {})),
        self_attention=registry.select(registry.attentions, Selection(inside, {})) if inside else None,
        body="encoder-decoder",
        task=registry.select(registry.tasks, Selection("translate", {})),
        model=ModelSettings(**sizes),
        seed=seed,
    )
    return build_model(cell, registry, Pairs(cell.body)).eval()


def stacks(model: Model) -> TwoStacks:
    assert isinstance(model.body, TwoStacks)
    return model.body


def kernel(block: Any, *, across: bool) -> Any:
    return (block.cross if across else block.attention).attention


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs() -> Batch:
    return Pairs("encoder-decoder").sample(draw(), B, M, "train")


@pytest.mark.parametrize("encoding", BUILT_IN)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_decoder_has_a_hidden_state_for_each_of_its_tokens(
    registry: Registry, encoding: str, norm: str
) -> None:
    model = make_model(registry, encoding, norm=norm)
    hidden = model(pairs(), draw())
    assert hidden.shape == (B, N, WIDTH)
    assert hidden.isfinite().all()
    assert model.logits(hidden[:, 1], 0).shape == (B, VOCABULARY)


@pytest.mark.parametrize("encoding", BUILT_IN)
def test_the_decoder_sees_its_past_and_the_whole_memory(registry: Registry, encoding: str) -> None:
    model = make_model(registry, encoding)
    embedded: list[Tensor] = []

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        output.retain_grad()
        embedded.append(output)

    for stack in (stacks(model).encoder, stacks(model).decoder):
        stack.embedding.register_forward_hook(note)
    hidden = model(pairs(), draw())
    (hidden[:, 2] * torch.randn(B, WIDTH, generator=draw(1))).sum().backward()
    memory, tokens = (x.grad.abs().sum((0, 2)) for x in embedded if x.grad is not None)
    assert (memory > 0).all()
    assert (tokens[:3] > 0).all()
    assert not tokens[3:].any()


@pytest.mark.parametrize("attention", ["softmax", "additive", "linear"])
def test_padding_of_the_memory_changes_nothing(registry: Registry, attention: str) -> None:
    model = make_model(registry, attention=attention)
    batch = pairs()
    assert batch.memory is not None
    real = torch.tensor([7, 3])
    padding = torch.arange(M) >= real[:, None]
    padded = dataclasses.replace(batch, memory_padding=padding)
    other = torch.where(padding, (batch.memory + 5) % VOCABULARY, batch.memory)
    found = model(padded, draw())
    assert torch.equal(found, model(dataclasses.replace(padded, memory=other), draw()))
    for row, length in enumerate(real):
        values = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
        alone = Batch(**{name: value[row : row + 1] for name, value in values.items() if value is not None})
        alone = dataclasses.replace(alone, memory=batch.memory[row : row + 1, :length])
        torch.testing.assert_close(model(alone, draw())[0], found[row], rtol=1e-4, atol=1e-5)
    assert not torch.equal(found[1], model(batch, draw())[1])


def test_padding_of_the_decoder_changes_no_real_token(registry: Registry) -> None:
    model = make_model(registry)
    batch = dataclasses.replace(pairs(), padding=torch.arange(N).expand(B, N) >= 3)
    assert batch.padding is not None
    other = torch.where(batch.padding, (batch.tokens + 5) % VOCABULARY, batch.tokens)
    one, two = model(batch, draw()), model(dataclasses.replace(batch, tokens=other), draw())
    assert torch.equal(one[:, :3], two[:, :3])


def softly(scores: Tensor) -> Tensor:
    return scores.exp() / scores.exp().sum()


@pytest.mark.parametrize("attention", ["softmax", "additive"])
@pytest.mark.parametrize("padded", [True, False])
def test_cross_attention_is_its_formula(registry: Registry, attention: str, padded: bool) -> None:
    """out_i = W_o·concat_h Σ_j softmax_j(s(q_i, k_j))·v_j, one number after the other."""
    place = Geometry(WIDTH, HEADS, M, "bidirectional")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        choice = registry.select(registry.attentions, Selection(attention, {}))
        built: Any = registry.attention(choice, place)
        cross = CrossAttention(ModelSettings(width=WIDTH, heads=HEADS), built).double()
        nn.init.normal_(cross.qkv.bias)
        nn.init.normal_(cross.out_proj.bias)
    x = torch.randn(B, N, WIDTH, generator=draw(), dtype=torch.double)
    y = torch.randn(B, M, WIDTH, generator=draw(1), dtype=torch.double)
    real = torch.tensor([M, 4]) if padded else torch.tensor([M, M])
    padding = torch.arange(M) >= real[:, None] if padded else None
    d = WIDTH // HEADS
    w_q, w_k, w_v = cross.qkv.weight.split(WIDTH)
    b_q, b_k, b_v = cross.qkv.bias.split(WIDTH)
    expected = torch.zeros(B, N, WIDTH, dtype=torch.double)
    for b in range(B):
        for i in range(N):
            mixed = torch.zeros(WIDTH, dtype=torch.double)
            for h in range(HEADS):
                own = slice(h * d, h * d + d)
                q = w_q[own] @ x[b, i] + b_q[own]
                scores, values = [], []
                for j in range(int(real[b])):
                    k, v = w_k[own] @ y[b, j] + b_k[own], w_v[own] @ y[b, j] + b_v[own]
                    if attention == "softmax":
                        scores.append(q @ k / d**0.5)
                    else:
                        scores.append(built.energy[h] @ (q @ built.query[h] + k @ built.key[h]).tanh())
                    values.append(v)
                mixed[own] = softly(torch.stack(scores)) @ torch.stack(values)
            expected[b, i] = cross.out_proj.weight @ mixed + cross.out_proj.bias
    torch.testing.assert_close(cross(x, Memory(y, padding)), expected)


def test_each_stack_has_its_geometry_and_the_memory_is_read_in_the_encoders(registry: Registry) -> None:
    model = make_model(registry, attention="probe", inside="softmax")
    body = stacks(model)
    for stack, direction, length in ((body.encoder, "bidirectional", M), (body.decoder, "causal", N)):
        for layer, (block, encoding) in enumerate(zip(stack.blocks, stack.encodings, strict=True)):
            for part in (encoding, kernel(block, across=False)):
                place = part.geometry
                assert isinstance(place, Geometry)
                assert (place.direction, place.length, place.layer) == (direction, length, layer)
    for layer, block in enumerate(body.decoder.blocks):
        place = kernel(block, across=True).geometry
        assert (place.direction, place.length, place.layer) == ("bidirectional", M, layer)
    assert all(block.cross is None for block in body.encoder.blocks)


def test_the_selected_attention_serves_across_and_meets_no_slots(registry: Registry) -> None:
    body = stacks(make_model(registry, "alibi", attention="probe", inside="softmax"))
    body(pairs(), draw())
    for block in body.decoder.blocks:
        [(q, k, v, mask, slots)] = kernel(block, across=True).calls
        assert q.shape == (B, HEADS, N, WIDTH // HEADS)
        assert k.shape == v.shape == (B, HEADS, M, WIDTH // HEADS)
        assert mask is None
        assert [getattr(slots, f.name) for f in dataclasses.fields(slots)] == [None, None, None]
        assert kernel(block, across=False).name == "softmax"
    alone = stacks(make_model(registry, "none", attention="probe", inside=None))
    assert all(kernel(block, across=False).name == "probe" for block in alone.encoder.blocks)


def test_the_stacks_share_token_embeddings_and_nothing_else(registry: Registry) -> None:
    model = make_model(registry, "learned", norm="post")
    body = stacks(model)
    assert body.encoder.embedding.tokens.weight is body.decoder.embedding.tokens.weight
    assert body.embedding is body.decoder.embedding
    shared = {id(p) for p in body.encoder.parameters()} & {id(p) for p in body.decoder.parameters()}
    assert shared == {id(body.embedding.tokens.weight)}
    assert model.encoding_parameter_count == (M + N) * WIDTH
    counted = sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())
    assert model.parameter_count == counted


def own(model: Model) -> dict[str, Tensor]:
    return {k: v for k, v in model.state_dict().items() if ".encodings." not in k}


@pytest.mark.parametrize("encoding", BUILT_IN)
def test_weights_that_are_not_the_encodings_start_the_same(registry: Registry, encoding: str) -> None:
    mine, plain = own(make_model(registry, encoding)), own(make_model(registry, "none"))
    assert mine.keys() == plain.keys()
    assert all(torch.equal(mine[k], plain[k]) for k in plain)


def test_weights_that_are_not_the_attentions_start_the_same(registry: Registry) -> None:
    mine, plain = (own(make_model(registry, attention=name)) for name in ("additive", "softmax"))
    added = mine.keys() - plain.keys()
    parts = ("query", "key", "energy")
    assert added == {f"body.decoder.blocks.{i}.cross.attention.{p}" for i in (0, 1) for p in parts}
    assert all(torch.equal(mine[k], plain[k]) for k in plain)


def test_seeds_layers_and_stacks_start_differently(registry: Registry) -> None:
    one, other = own(make_model(registry)), own(make_model(registry, seed=1))
    changed = {k for k in one if not torch.equal(one[k], other[k])}
    assert changed == {k for k in one if one[k].std() > 0}
    for part in ("attention.qkv.weight", "feedforward.up.weight"):
        places = [one[f"body.{stack}.blocks.{i}.{part}"] for stack in ("encoder", "decoder") for i in (0, 1)]
        assert not any(torch.equal(a, b) for i, a in enumerate(places) for b in places[:i])
    across = [one[f"body.decoder.blocks.{i}.cross.qkv.weight"] for i in (0, 1)]
    assert not torch.equal(*across)
    assert not torch.equal(across[0], one["body.decoder.blocks.0.attention.qkv.weight"])


def test_weights_survive_a_file(registry: Registry, tmp_path: Path) -> None:
    one, other = make_model(registry), make_model(registry, seed=1)
    save_model(one, str(tmp_path / "weights.safetensors"))
    load_model(other, tmp_path / "weights.safetensors")
    assert torch.equal(one(pairs(), draw()), other(pairs(), draw()))


def test_both_stacks_have_to_be_defined_for_a_length(registry: Registry) -> None:
    task = Pairs("encoder-decoder")
    learned = stacks(make_model(registry, "learned"))
    assert learned.max_length == M
    assert [learned.defined(task, length) for length in (M - 1, M, M + 1)] == [True, True, False]
    learned.encoder.max_length = None
    assert [learned.defined(task, length) for length in (M, N + 2, N + 3)] == [True, True, False]
    assert stacks(make_model(registry, "rope")).defined(task, 8 * M)


def test_what_cannot_be_built_or_read_says_why(registry: Registry) -> None:
    with pytest.raises(Incompatible, match="inward attention cannot read one sequence from another"):
        make_model(registry, attention="inward")
    with pytest.raises(Incompatible, match="probe attention does not honour relative's scores and values"):
        make_model(registry, inside="probe")
    assert make_model(registry, "none", inside="inward")
    with pytest.raises(ValueError, match="The batch has no memory"):
        make_model(registry)(dataclasses.replace(pairs(), memory=None), draw())
