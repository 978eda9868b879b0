"""An exported cell is loaded by transformers and computes the same; what cannot be exported says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

from posharness.cli import main
from posharness.defaults import cache_root
from posharness.pretrained import loading, open_stored, open_transformers
from posharness.pretrained.stored import trained
from posharness.registry.registry import Registry
from posharness.results import load
from posharness.store import Store

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

TINY = """
preset = "smoke"
tasks = ["bert"]
seeds = 1
[model]
width = 24
layers = 2
heads = 3
dropout = 0.1
[budget]
steps = 3
batch = 4
validate_every = 3
validation_sequences = 4
test_sequences = 4
[task.bert.model]
heads = 3
feedforward = 3
[task.bert.params]
vocabulary_size = 300
length = 24
evaluation_lengths = [24, 29]
"""


def text() -> str:
    """Twenty short documents of four sentences each."""
    nouns = ["cat", "dog", "bird", "horse", "mouse", "goat", "cow", "sheep"]
    sentence = "The {} saw a {} and it ran away from the {} ."
    documents = [
        [sentence.format(*(nouns[(n + s + i) % len(nouns)] for i in range(3))) for s in range(4)]
        for n in range(20)
    ]
    return "\n\n".join("\n".join(document) for document in documents)


def harness(*arguments: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(out):
        return main(list(arguments)), out.getvalue()


@pytest.fixture(scope="module")
def folder(warm_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a store of trained cells is."""
    made = tmp_path_factory.mktemp("export")
    (made / "tiny.toml").write_text(TINY)
    (made / "corpus.txt").write_text(text())
    given = [
        "--config",
        str(made / "tiny.toml"),
        "--store",
        str(made / "runs"),
        "--no-report",
        "--workers",
        "1",
    ]
    for plugins, more in (
        ("learned,absolute,rope", ("--body", "bert", "--corpus", str(made / "corpus.txt"))),
        ("sigmoid", ("--body", "bert", "--corpus", str(made / "corpus.txt"))),
        ("learned", ("--corpus", str(made / "corpus.txt"))),
    ):
        status, out = harness("run", "--plugins", plugins, *given, *more)
        assert status == 0, out
    return made


def key_of(folder: Path, label: str, body: str = "bert") -> str:
    cells = load(folder / "runs").cells
    [key] = cells[(cells.label == label) & (cells.body == body)].cell
    return str(key)


def export(folder: Path, to: Path, *of: str) -> tuple[int, str]:
    key = key_of(folder, *of)
    return harness("export", key[:10], "--to", str(to), "--store", str(folder / "runs"))


@pytest.mark.parametrize("label", ["learned", "absolute"])
def test_what_is_exported_computes_the_same_in_transformers(folder: Path, tmp_path: Path, label: str) -> None:
    to = tmp_path / "new" / "model"
    assert export(folder, to, label) == (0, f"{to}\n")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in to.iterdir()}
    assert [path.name for path in to.parent.iterdir()] == ["model"]
    (to / "as the umask says").touch()
    assert len({path.stat().st_mode for path in to.iterdir()}) == 1
    theirs = transformers.AutoModelForPreTraining.from_pretrained(to, dtype=torch.float32).eval()
    assert type(theirs) is transformers.BertForPreTraining
    store = Store.open(folder / "runs", create=False)
    key = key_of(folder, label)
    ours, task = trained(store.cell(key), store.weights_path(key), Registry.load(), cache_root())
    drawn = task.sample(torch.Generator().manual_seed(5), 41, 23, "test")
    assert drawn.padding is not None
    real = ~drawn.padding
    with torch.no_grad():
        hidden = ours.eval()(drawn, torch.Generator())
        found = theirs(input_ids=drawn.tokens, token_type_ids=drawn.segments, attention_mask=real.long())
    assert not real.all()
    for logits, expected in (
        (ours.logits(hidden[real], 0), found.prediction_logits[real]),
        (ours.logits(hidden[:, 0], 1), found.seq_relationship_logits),
    ):
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
        assert logits.std() > 0


def test_the_exported_tokenizer_reads_text_as_the_task_does(folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "model"
    assert export(folder, to, "learned")[0] == 0
    tokenizer = transformers.AutoTokenizer.from_pretrained(to)
    store = Store.open(folder / "runs", create=False)
    key = key_of(folder, "learned")
    own = open_stored(store.cell(key), store.weights_path(key), Registry.load(), cache_root())
    first, second = ["The", "cats", "saw", "a", "Zebra", "."], ["it", "ran", "."]
    a, b = ([piece for word in words for piece in word] for words in own.pieces([first, second]))
    read = tokenizer(" ".join(first), " ".join(second))
    assert read["input_ids"] == [own.cls, *a, own.sep, *b, own.sep]
    assert read["token_type_ids"] == [0] * (len(a) + 2) + [1] * (len(b) + 1)
    assert tokenizer("the [MASK]")["input_ids"][2] == own.mask == tokenizer.mask_token_id
    assert tokenizer.model_max_length == 24


def test_readings_see_the_same_in_the_cell_and_in_its_export(folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "model"
    assert export(folder, to, "learned")[0] == 0
    store = Store.open(folder / "runs", create=False)
    key = key_of(folder, "learned")
    own = open_stored(store.cell(key), store.weights_path(key), Registry.load(), cache_root())
    other = open_transformers(to)
    for name in ("width", "vocabulary", "max_length", "mask", "cls", "sep", "pad"):
        assert getattr(own, name) == getattr(other, name), name
    sentences = [["The", "cat", "saw", "it", "."], ["sheep"]]
    assert own.pieces(sentences) == other.pieces(sentences)
    tokens = torch.randint(5, own.vocabulary, (3, 11), generator=torch.Generator().manual_seed(3))
    padding = torch.arange(11) >= torch.tensor([11, 7, 2])[:, None]
    states, expected = own.states(tokens, padding)[~padding], other.states(tokens, padding)[~padding]
    torch.testing.assert_close(states, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(own.logits(states), other.logits(expected), rtol=1e-5, atol=1e-5)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("of", "says"),
        [
            (("rope",), "has no exact counterpart of an encoding that acts on rotate; export"),
            (("absolute · sigmoid",), "has no exact counterpart of absolute with sigmoid attention; export"),
            (("learned", "encoder"), "has no exact counterpart of an encoder with LayerNorm before each"),
        ],
    )
    def test_a_cell_without_a_counterpart(
        self, folder: Path, tmp_path: Path, of: Sequence[str], says: str
    ) -> None:
        status, out = export(folder, tmp_path / "model", *of)
        assert status == 2
        assert says in out
        assert len(out.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_holds_something(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "mine").write_text("")
        status, out = export(folder, tmp_path, "learned")
        assert status == 2
        assert re.search(r"is not empty; give a new or empty folder\.$", out)
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    def test_a_key_that_no_cell_has(self, folder: Path, tmp_path: Path) -> None:
        status, out = harness("export", "zz", "--to", str(tmp_path / "x"), "--store", str(folder / "runs"))
        assert (status, "begins with 'zz'" in out) == (2, True)

    def test_a_missing_library(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loading.importlib.util, "find_spec", lambda _: None)
        status, out = export(folder, tmp_path / "model", "learned")
        assert status == 2
        assert "Exporting a model needs the library transformers" in out

    def test_an_encoding_that_does_more_than_add_is_found_out(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from posharness_plugins.encodings.absolute import Absolute

        def mixed(self: Any, x: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
            return x + x.roll(1, -1)

        monkeypatch.setattr(Absolute, "embed", mixed)
        status, out = export(folder, tmp_path / "model", "absolute")
        assert status == 2
        assert "has no exact counterpart of absolute with" in out
        assert list(tmp_path.iterdir()) == []
