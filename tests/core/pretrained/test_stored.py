"""A cell's model is read with the weights that it has learned, and with its own tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_model

from posharness.contracts import Batch, Body
from posharness.contracts.cell import Budget, Cell, ModelSettings
from posharness.errors import UserError
from posharness.model import build_model
from posharness.pretrained import open_stored
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.run import train_cell

LENGTH = 24


def text() -> str:
    """Twenty short documents of four sentences each."""
    nouns = ["cat", "dog", "bird", "horse", "mouse", "goat", "cow", "sheep"]
    sentence = "The {} saw a {} and it ran away from the {} ."
    documents = [
        [sentence.format(*(nouns[(n + s + i) % len(nouns)] for i in range(3))) for s in range(4)]
        for n in range(20)
    ]
    return "\n\n".join("\n".join(document) for document in documents)


@dataclass(frozen=True)
class Trained:
    """A cell that has been trained for a few steps."""

    cell: Cell
    registry: Registry
    folder: Path
    cache: Path

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"


def train(folder: Path, encoding: str = "rope", task: str = "bert", body: Body = "encoder") -> Trained:
    registry = Registry.load()
    corpus = folder / "corpus.txt"
    corpus.write_text(text())
    params = {
        "bert": {
            "corpus": str(corpus),
            "vocabulary_size": 300,
            "length": LENGTH,
            "evaluation_lengths": [LENGTH],
        },
        "copy": {},
    }[task]
    posed = registry.select(registry.tasks, Selection(task, params))
    prepared = registry.task(posed, body)
    cache = folder / "cache"
    prepared.prepare(cache)
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection(encoding, {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body=body,
        task=posed,
        model=ModelSettings(width=24, layers=2, heads=3, dropout=0.1),
        budget=Budget(steps=3, batch=4, validate_every=3, validation_sequences=4, test_sequences=4),
        data=prepared.fingerprint(),
    )
    home = folder / "cell"
    home.mkdir()
    assert train_cell(cell, registry, home, cache=cache, observe=lambda _: None).status == "done"
    return Trained(cell, registry, home, cache)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("stored"))


def test_it_computes_what_the_trained_model_does(trained: Trained) -> None:
    opened = open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
    task = trained.registry.task(trained.cell.task, "encoder")
    task.prepare(trained.cache)
    model = build_model(trained.cell, trained.registry, task).eval()
    load_model(model, trained.weights)
    drawn = task.sample(torch.Generator().manual_seed(1), 5, LENGTH, "test")
    assert drawn.padding is not None
    assert drawn.padding.any()
    first = torch.zeros_like(drawn.tokens)
    batch = Batch(drawn.tokens, first, first.bool(), first, padding=drawn.padding, segments=first)
    with torch.inference_mode():
        hidden = model(batch, torch.Generator())
        logits = model.logits(hidden.flatten(0, 1), 0)
    states = opened.states(drawn.tokens, drawn.padding)
    torch.testing.assert_close(states[~drawn.padding], hidden[~drawn.padding])
    torch.testing.assert_close(opened.logits(states[~drawn.padding]), logits[~drawn.padding.flatten()])
    layers = opened.layers(drawn.tokens, drawn.padding)
    assert layers.shape == (1 + len(model.body.blocks), *states.shape)
    assert torch.equal(layers[-1], states)
    with torch.inference_mode():
        embedded = model.body.embedding(
            drawn.tokens, first, model.body.encodings[0], torch.arange(drawn.tokens.shape[1])
        )
    torch.testing.assert_close(layers[0], embedded)
    assert len(layers.flatten(1).unique(dim=0)) == len(layers)
    assert opened.vocabulary == task.vocabulary == logits.shape[1]
    assert opened.width == states.shape[2] == 24
    assert opened.max_length is None


def test_words_are_cut_by_the_tokenizer_of_the_task(trained: Trained) -> None:
    opened = open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
    (cat, dropped, unknown, cats), empty = opened.pieces([["Cat", "\x07", "猫", "cats"], []])
    assert (opened.pad, opened.cls, opened.sep, opened.mask) == (0, 2, 3, 4)
    assert len(cat) == 1
    assert (dropped, unknown, empty) == ([], [1], [])
    assert len(cats) == 2
    assert cats[0] == cat[0]
    assert opened.mask not in opened.pieces([["[MASK]"]])[0][0]


def test_a_table_of_positions_limits_the_length(tmp_path: Path) -> None:
    trained = train(tmp_path, "learned")
    opened = open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
    assert opened.max_length == LENGTH


def test_drawn_positions_are_the_same_each_time(tmp_path: Path) -> None:
    trained = train(tmp_path, "randomised")
    opened = open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
    tokens = torch.arange(5, 25).view(2, 10)
    assert torch.equal(opened.states(tokens), opened.states(tokens))


def test_the_control_is_drawn_anew(trained: Trained) -> None:
    opened = open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
    tokens = torch.arange(5, 25).view(2, 10)
    before = torch.get_rng_state()
    first, again, other = opened.untrained(0), opened.untrained(0), opened.untrained(1)
    assert torch.equal(torch.get_rng_state(), before)
    states = [model.states(tokens) for model in (opened, first, again, other)]
    assert torch.equal(states[1], states[2])
    assert not torch.allclose(states[0], states[1])
    assert not torch.allclose(states[1], states[3])
    assert opened.identity == trained.cell.key
    assert first.identity == again.identity
    assert len({opened.identity, first.identity, other.identity}) == 3
    assert (opened.label, first.label) == ("rope · softmax", "rope · softmax (untrained)")


class TestWhatIsRefused:
    def test_a_cell_without_masked_tokens(self, tmp_path: Path) -> None:
        copying = train(tmp_path, task="copy", body="decoder")
        with pytest.raises(UserError, match="trains no masked language model; choose"):
            open_stored(copying.cell, copying.weights, copying.registry, copying.cache)

    def test_missing_weights(self, trained: Trained, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="has no weights"):
            open_stored(trained.cell, tmp_path / "none", trained.registry, trained.cache)

    def test_a_corpus_that_has_changed(self, tmp_path: Path) -> None:
        trained = train(tmp_path)
        corpus = Path(trained.cell.task.params["corpus"])
        corpus.write_text(corpus.read_text().replace("goat", "lion"))
        with pytest.raises(UserError, match="have changed since it was trained"):
            open_stored(trained.cell, trained.weights, trained.registry, trained.cache)
