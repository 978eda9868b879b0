"""A model does what its encoding and its body say, and its parts do not know of each other."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from posharness.contracts import Attention, Batch, Body, Incompatible, Objective, Task
from posharness.contracts.cell import Cell, ModelSettings
from posharness.model import Model, build_model
from posharness.model.masks import visible
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection

WIDTH, HEADS, LAYERS, B, N, VOCABULARY = 30, 3, 2, 3, 11, 13
BUILT_IN = ("none", "absolute", "learned", "relative", "alibi", "rope")

PLUGINS = """
import torch
from posharness.contracts import Attention, PositionalEncoding, hookimpl

class Counting(PositionalEncoding):
    name = "counting"
    def __init__(self, geometry, *, shared: bool = True, reads: bool = False):
        super().__init__(geometry)
        self.per = "model" if shared else "layer"
        self.bias_reads_input = reads
        self.calls = []
    def positions(self, length, generator):
        return torch.randperm(100, generator=generator)[:length].sort().values
    def bias(self, pos_q, pos_k, x):
        self.calls.append((pos_q, x))
        return super().bias(pos_q, pos_k, x)

class Unhearing(Attention):
    name = "unhearing"
    def forward(self, q, k, v, mask, slots):
        return v

@hookimpl
def posharness_encodings():
    return [Counting]

@hookimpl
def posharness_attentions():
    return [Unhearing]
"""


class Words(Task):
    """Random tokens with two segments and right padding; every readout there is."""

    name = "words"
    bodies: tuple[Body, ...] = ("encoder", "decoder")
    vocabulary = VOCABULARY
    segments = 2
    length = N
    evaluation_lengths = (N,)
    objectives = (
        Objective("next", 5, 1 / 5),
        Objective("mlm", VOCABULARY, 1 / VOCABULARY, "mlm"),
        Objective("nsp", 2, 1 / 2, "pooled"),
    )

    def sample(self, generator: torch.Generator, n: int, length: int, split: str) -> Batch:
        tokens = torch.randint(VOCABULARY, (n, length), generator=generator)
        segments = (torch.arange(length) > length // 2).long().expand(n, length)
        return Batch(tokens, tokens, tokens >= 0, torch.zeros_like(tokens), segments=segments)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("plugins") / "probes.py"
    path.write_text(PLUGINS)
    return Registry.load([path])


def make_cell(
    registry: Registry,
    encoding: str = "relative",
    body: Body = "encoder",
    *,
    attention: str = "softmax",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Cell:
    sizes: dict[str, Any] = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, **settings}
    return Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, params or {})),
        attention=registry.select(registry.attentions, Selection(attention, {})),
        body=body,
        task=registry.select(registry.tasks, Selection("offset_recall", {})),
        model=ModelSettings(**sizes),
        seed=seed,
    )


def make_model(registry: Registry, *args: Any, **kwargs: Any) -> Model:
    cell = make_cell(registry, *args, **kwargs)
    return build_model(cell, registry, Words(cell.body)).eval()


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def words(body: Body = "encoder") -> Batch:
    return Words(body).sample(draw(), B, N, "train")


def fields_of(batch: Batch) -> dict[str, Tensor | None]:
    return {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}


def influence(model: Model, batch: Batch, position: int) -> Tensor:
    """How much the hidden state at a position depends on the embedding of each token, (n,)."""
    seen: list[Tensor] = []

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    hook = model.body.embedding.register_forward_hook(note)
    hidden = model(batch, draw())
    hook.remove()
    (hidden[:, position] * torch.randn(hidden[:, position].shape, generator=draw(1))).sum().backward()
    assert seen[0].grad is not None
    return seen[0].grad.abs().sum((0, 2))


@pytest.mark.parametrize("body", ["encoder", "decoder"])
@pytest.mark.parametrize("encoding", BUILT_IN)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_hidden_states_and_logits_have_their_shapes(
    registry: Registry, encoding: str, body: Body, norm: str
) -> None:
    model = make_model(registry, encoding, body, norm=norm)
    hidden = model(words(body), draw())
    assert hidden.shape == (B, N, WIDTH)
    scored = hidden[words(body).tokens > 5]
    assert [model.logits(scored, i).shape for i in range(3)] == [(len(scored), c) for c in (5, VOCABULARY, 2)]


@pytest.mark.parametrize("encoding", BUILT_IN)
def test_a_decoder_sees_no_future_and_an_encoder_sees_everything(registry: Registry, encoding: str) -> None:
    batch = words()
    causal = influence(make_model(registry, encoding, "decoder"), batch, 6)
    assert (causal[:7] > 0).all()
    assert not causal[7:].any()
    assert (influence(make_model(registry, encoding, "encoder"), batch, 6) > 0).all()


@pytest.mark.parametrize("body", ["encoder", "decoder"])
@pytest.mark.parametrize("encoding", BUILT_IN)
def test_padding_changes_no_real_token(registry: Registry, encoding: str, body: Body) -> None:
    model = make_model(registry, encoding, body)
    batch = words(body)
    real = torch.tensor([11, 7, 2])
    padding = torch.arange(N) >= real[:, None]
    other = torch.where(padding, (batch.tokens + 5) % VOCABULARY, batch.tokens)
    padded = model(dataclasses.replace(batch, padding=padding), draw())
    repadded = model(dataclasses.replace(batch, padding=padding, tokens=other), draw())
    assert torch.equal(padded[~padding], repadded[~padding])
    assert not torch.equal(padded, repadded)
    for row, length in enumerate(real):
        present = {name: value for name, value in fields_of(batch).items() if value is not None}
        alone = Batch(**{name: value[row : row + 1, :length] for name, value in present.items()})
        torch.testing.assert_close(model(alone, draw())[0], padded[row, :length], rtol=1e-4, atol=1e-5)


def test_there_is_a_mask_only_where_something_is_hidden() -> None:
    batch = words()
    nothing = torch.zeros(B, N, dtype=torch.bool)
    assert visible(batch.tokens, None, causal=False) is None
    assert visible(batch.tokens, nothing, causal=False) is None
    causal = visible(batch.tokens, None, causal=True)
    assert causal is not None
    assert torch.equal(causal, torch.ones(N, N).tril().bool()[None, None])
    padding = torch.arange(N).expand(B, N) >= 4
    both = visible(batch.tokens, padding, causal=True)
    assert both is not None
    assert torch.equal(both, (causal & ~padding[:, None, None, :]))


def test_a_post_norm_body_ends_each_layer_with_its_norm_and_a_pre_norm_body_does_not(
    registry: Registry,
) -> None:
    outputs: dict[str, list[Tensor]] = {}
    for norm in ("pre", "post"):
        model = make_model(registry, norm=norm)
        found = outputs[norm] = []
        parts: list[nn.Module] = [model.body.embedding, *model.body.blocks]
        for part in parts:
            part.register_forward_hook(lambda m, i, output, found=found: found.append(output))
        found.append(model(words(), draw()))
    for norm, found in outputs.items():
        normal = [bool(((x.std(-1, correction=0) - 1).abs() < 0.01).all()) for x in found]
        assert normal == ([True] * 4 if norm == "post" else [False, False, False, True])


@pytest.mark.parametrize("scaled", [True, False])
def test_embeddings_start_at_the_scale_that_encodings_are_told(registry: Registry, scaled: bool) -> None:
    model = make_model(registry, "none", scale_embedding=scaled, width=300)
    told = 1.0 if scaled else 0.02
    table = model.body.embedding.tokens.weight
    assert table.std().item() == pytest.approx(300**-0.5 if scaled else 0.02, rel=0.05)
    batch = dataclasses.replace(words(), segments=None)
    assert model.body.embedding(
        batch.tokens, None, model.body.encodings[0], torch.arange(N)
    ).std().item() == pytest.approx(told, rel=0.05)


def own(model: Model) -> dict[str, Tensor]:
    return {k: v for k, v in model.state_dict().items() if not k.startswith("body.encodings")}


@pytest.mark.parametrize("encoding", BUILT_IN)
def test_weights_that_are_not_the_encodings_start_the_same(registry: Registry, encoding: str) -> None:
    mine, plain = own(make_model(registry, encoding)), own(make_model(registry, "none"))
    assert mine.keys() == plain.keys()
    assert all(torch.equal(mine[k], plain[k]) for k in plain)


def test_seeds_and_layers_start_differently(registry: Registry) -> None:
    one, other = own(make_model(registry)), own(make_model(registry, seed=1))
    changed = {k for k in one if not torch.equal(one[k], other[k])}
    assert changed == {k for k in one if one[k].std() > 0}
    assert not torch.equal(
        one["body.blocks.0.feedforward.up.weight"], one["body.blocks.1.feedforward.up.weight"]
    )


def test_building_reads_and_leaves_the_global_generator_alone(registry: Registry) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = make_model(registry)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    other = make_model(registry)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_parameters_of_the_encoding_are_counted_apart(registry: Registry) -> None:
    plain, relative, learned = (make_model(registry, name) for name in ("none", "relative", "learned"))
    assert plain.encoding_parameter_count == 0
    assert relative.encoding_parameter_count == LAYERS * 2 * (2 * 16 + 1) * WIDTH // HEADS
    assert learned.encoding_parameter_count == N * WIDTH
    for model in (relative, learned):
        assert model.parameter_count - model.encoding_parameter_count == plain.parameter_count
    frozen = make_model(registry, "relative", params={"trained": False})
    assert frozen.encoding_parameter_count == 0
    assert frozen.parameter_count == plain.parameter_count
    assert (plain.family, relative.family, learned.family) == ("", "relative", "absolute")


@pytest.mark.parametrize(
    ("shared", "reads", "calls"), [(True, False, [1]), (True, True, [LAYERS]), (False, False, [1] * LAYERS)]
)
def test_a_bias_is_computed_once_where_all_layers_share_it(
    registry: Registry, shared: bool, reads: bool, calls: list[int]
) -> None:
    model = make_model(registry, "counting", params={"shared": str(shared), "reads": str(reads)})
    model(words(), draw(5))
    made: list[Any] = [encoding.calls for encoding in model.body.encodings]
    assert [len(each) for each in made] == calls
    pos, x = made[-1][-1]
    assert torch.equal(pos, torch.randperm(100, generator=draw(5))[:N].sort().values)
    assert (x is not None) == reads
    if reads:
        assert x.shape == (B, N, WIDTH)


@pytest.mark.parametrize(
    ("encoding", "bound"),
    [
        ("none", set()),
        ("absolute", set()),
        ("rope", set()),
        ("alibi", {"bias"}),
        ("relative", {"scores", "values"}),
    ],
)
def test_an_attention_is_given_only_the_slots_that_the_encoding_acts_on(
    registry: Registry, encoding: str, bound: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(registry, encoding)
    kernel = type(model.body.blocks[0].attention.attention)  # type: ignore[union-attr, arg-type]
    assert issubclass(kernel, Attention)
    given = []

    def record(self: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, slots: Any) -> Tensor:
        given.append({f.name for f in dataclasses.fields(slots) if getattr(slots, f.name) is not None})
        return v

    monkeypatch.setattr(kernel, "forward", record)
    model(words(), draw())
    assert given == [bound] * LAYERS


def test_an_mlm_readout_uses_the_token_embeddings(registry: Registry) -> None:
    model = make_model(registry)
    table = model.body.embedding.tokens.weight
    h = torch.randn(7, WIDTH, generator=draw())
    readout: Any = model.readouts[1]
    with torch.no_grad():
        readout.decoder.bias.copy_(torch.arange(13.0))
        middle = readout.norm(nn.functional.gelu(readout.dense(h)))
        torch.testing.assert_close(model.logits(h, 1), middle @ table.T + torch.arange(13.0))


def test_an_mlm_readout_needs_the_vocabulary_as_its_classes(registry: Registry) -> None:
    task = Words("encoder")
    task.objectives = (Objective("mlm", 4, 0.25, "mlm"),)
    with pytest.raises(ValueError, match=r"'mlm' has 4 classes.*13 token ids"):
        build_model(make_cell(registry), registry, task)


def test_what_cannot_be_built_says_why(registry: Registry) -> None:
    with pytest.raises(Incompatible, match="width 31 is not divisible by 3 heads"):
        make_model(registry, width=31)
    with pytest.raises(
        Incompatible, match="unhearing attention does not honour relative's scores and values"
    ):
        make_model(registry, attention="unhearing")
    with pytest.raises(Incompatible, match="cope is not defined for bidirectional attention"):
        make_model(registry, "cope", "encoder")
    with pytest.raises(Incompatible, match="stick_breaking is not defined for bidirectional attention"):
        make_model(registry, "none", "encoder", attention="stick_breaking")


def test_dropout_acts_in_training_only(registry: Registry) -> None:
    model = make_model(registry, dropout=0.5)
    still = model(words(), draw())
    assert torch.equal(still, model(words(), draw()))
    model.train()
    torch.manual_seed(0)
    assert not torch.equal(still, model(words(), draw()))
