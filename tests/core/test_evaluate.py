"""`harness evaluate` reads models from anywhere, once, and says in one sentence what it cannot read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

import posharness
from posharness.cli import main
from posharness.store import Store
from posharness.store.frames import read_frames

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

HERE = Path(__file__).parent
PLUGINS = ("--plugin-path", str(HERE / "asker.py"), "--plugin-path", str(HERE / "filler.py"))
TREEBANK, LETTERS = "trees.conllu", "letters.txt"
READINGS = ("nearest_copy", "truncation", "heads", "subject_verb")
KINDS = ("bert", "deberta")
SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
SIZE = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
}
TRAINED = """
preset = "smoke"
tasks = ["filling"]
plugins = ["rope"]
bodies = ["encoder", "decoder"]
seeds = 1
[model]
width = 12
heads = 2
layers = 1
[budget]
steps = 3
batch = 5
validate_every = 2
validation_sequences = 5
test_sequences = 5
"""


@dataclass
class Ended:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def harness(*arguments: str) -> Ended:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        status = main(arguments)
    return Ended(status, out.getvalue(), err.getvalue())


def trees() -> str:
    """Twelve documents of three sentences: "the cat near the dogs runs .", and so on, in both numbers."""
    nouns, verbs = ("cat", "dog", "bird", "horse"), ("run", "sleep", "jump")
    lines: list[str] = []
    for n in range(12):
        lines.append("# newdoc")
        for s in range(3):
            one, other, plural = nouns[(n + s) % 4], nouns[(n + 2 * s + 1) % 4], (n + s) % 2
            number, ending = ("Plur", "s") if plural else ("Sing", "")
            said = f"Mood=Ind|Number={number}|Person=3|Tense=Pres|VerbForm=Fin"
            verb = verbs[(n * s) % 3]
            rows = [
                ("the", "the", "DET", "_", 2, "det"),
                (one + ending, one, "NOUN", f"Number={number}", 6, "nsubj"),
                ("near", "near", "ADP", "_", 5, "case"),
                ("the", "the", "DET", "_", 5, "det"),
                (other, other, "NOUN", "Number=Sing", 2, "nmod"),
                (verb if plural else f"{verb}s", verb, "VERB", said, 0, "root"),
                (".", ".", "PUNCT", "_", 6, "punct"),
            ]
            lines += [
                "\t".join([str(i), form, lemma, upos, "_", feats, str(head), relation, "_", "_"])
                for i, (form, lemma, upos, feats, head, relation) in enumerate(rows, start=1)
            ]
            lines.append("")
    return "\n".join(lines) + "\n"


def tokenizer(text: str) -> Any:
    """Of the words of a treebank, each a piece of its own."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words = [line.split("\t")[1] for line in text.splitlines() if "\t" in line]
    made.train_from_iterator(
        words,
        trainers.WordPieceTrainer(vocab_size=200, special_tokens=list(SPECIAL.values()), show_progress=False),
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL)


def save(folder: Path, text: str) -> None:
    """Models with random weights: two masked language models, and two that are not."""
    pieces = tokenizer(text)
    size = {**SIZE, "vocab_size": len(pieces), "pad_token_id": 0}
    ends = {"bos_token_id": 2, "eos_token_id": 3}
    bert = transformers.BertConfig(**size)
    deberta = transformers.DebertaV2Config(
        **size,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        position_biased_input=False,
        legacy=False,
    )
    gpt = transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=len(pieces), **ends)
    made = {
        "bert": transformers.BertForMaskedLM(bert),
        "deberta": transformers.DebertaV2ForMaskedLM(deberta),
        "causal": transformers.GPT2LMHeadModel(gpt),
        "headless": transformers.BertModel(bert),
    }
    for name, model in made.items():
        model.save_pretrained(folder / name)
        pieces.save_pretrained(folder / name)


@pytest.fixture(scope="module")
def place(warm_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory: with texts, models, and a store of two trained cells, in `trained`."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / TREEBANK).write_text(trees())
    (folder / LETTERS).write_text("a b c d\nb c d e f\nh h g\n")
    (folder / "tiny.toml").write_text(TRAINED)
    save(folder, trees())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POSHARNESS_CACHE", str(folder / "cache"))
        given = ("--config", "tiny.toml", "--store", "trained", "--no-report", "--workers", "1")
        assert harness("run", *given, *PLUGINS).status == 0
        yield folder


def key(body: str) -> str:
    """The key of the trained cell of that body."""
    store = Store.open(Path("trained"), create=False)
    (found,) = [k for k in store.keys() if (c := store.cell(k)).body == body and not c.pretrained]  # noqa: SIM118
    return found


def left(store: str) -> dict[str, int]:
    """Each file of a store's cells, with when it was written."""
    return {str(path): path.stat().st_mtime_ns for path in Path(store).glob("cells/*/*")}


@pytest.fixture(scope="module")
def command(place: Path) -> list[str]:
    named = [word for kind in KINDS for word in ("--model", kind)]
    return [
        "evaluate",
        *named,
        "--readings",
        "all",
        "--treebank",
        TREEBANK,
        "--store",
        "read",
        "--workers",
        "1",
    ]


@pytest.fixture(scope="module")
def first(command: list[str]) -> Ended:
    return harness(*command)


def test_every_reading_is_posed_to_every_model_and_reported(first: Ended) -> None:
    assert first.status == 0, first.err
    assert "0 trained, 8 read, 0 reused, 0 skipped" in first.out
    frames = read_frames(Store.open(Path("read"), create=False))
    assert set(frames.cells["status"]) == {"done"}
    assert sorted(zip(frames.cells["label"], frames.cells["task"], strict=True)) == [
        (kind, task) for kind in KINDS for task in sorted(f"{name} reading" for name in READINGS)
    ]
    asked = frames.predictions.groupby("cell").size()
    assert set(asked.index) == set(frames.cells["cell"])
    (page,) = Path("read").glob("reports/*/report.md")
    report = page.read_text(encoding="utf-8")
    assert "This section failed" not in report
    for title in ("Nearest copy", "Truncated context", "Syntactic heads", "Subject–verb agreement"):
        assert f"## {title}" in report
    assert all(f"**{kind}**" in report for kind in KINDS)


def test_what_is_read_is_not_read_again(first: Ended, command: list[str]) -> None:
    before = left("read")
    again = harness(*command, "--no-report")
    assert again.status == 0
    assert "0 trained, 0 read, 8 reused, 0 skipped" in again.out
    assert left("read") == before


def test_python_gives_the_results_of_the_readings_that_are_asked(first: Ended) -> None:
    results = posharness.evaluate(["deberta"], treebank=TREEBANK, readings=["subject_verb"], store="read")
    assert (set(results.cells["label"]), set(results.cells["task"])) == (
        {"deberta"},
        {"subject_verb reading"},
    )
    assert set(results.predictions["cell"]) == set(results.cells["cell"])


def test_a_model_is_known_by_what_it_holds_not_by_its_folder(first: Ended, place: Path) -> None:
    shutil.copytree(place / "bert", place / "elsewhere" / "bert")
    given = ("--readings", "subject_verb", "--treebank", TREEBANK, "--store", "read", "--no-report")
    assert "0 read, 1 reused" in harness("evaluate", "--model", "elsewhere/bert", *given).out
    shutil.rmtree(place / "elsewhere" / "bert")
    shutil.copytree(place / "deberta", place / "elsewhere" / "bert")
    assert "0 read, 1 reused" in harness("evaluate", "--model", "elsewhere/bert", *given).out


def test_a_finished_cell_is_found_by_the_first_figures_of_its_key(place: Path) -> None:
    encoder = key("encoder")
    given = ("--readings", "asking", "--treebank", LETTERS, "--store", "trained", "--no-report", *PLUGINS)
    ended = harness("evaluate", "--model", encoder[:10].upper(), *given, "--workers", "1")
    assert ended.status == 0
    assert "0 trained, 1 read, 0 reused" in ended.out
    cells = read_frames(Store.open(Path("trained"), create=False)).cells
    (reading,) = cells[cells["pretrained"] == encoder].to_dict("records")
    assert (reading["label"], reading["task"], reading["seed"]) == ("rope", "asking reading", 0)
    rows = pd.read_parquet(place / "trained" / "cells" / reading["cell"] / "predictions.parquet")
    assert set(zip(rows["objective"], rows["condition"], strict=True)) == {
        ("word", ""),
        ("word", "untrained"),
    }
    assert "0 read, 1 reused" in harness("evaluate", "--model", encoder[:10], *given).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "./nowhere"], "There is no directory ./nowhere"),
        (["--model", "causal"], "The model causal is a gpt2, a type without a masked"),
        (["--model", "headless"], "The model headless has no trained cls.predictions"),
        (
            ["--model", "0123456789abcdef"],
            "no cell in the store nothing whose key begins with '0123456789abcdef'",
        ),
        (["--model", "cache"], "The directory cache cannot be loaded by transformers"),
        (
            ["--model", "bert", "--readings", "heds"],
            "--readings: unknown reading 'heds'; did you mean 'heads'",
        ),
        (["--model", "bert", "--readings", "heads[epoch=2]"], "heads has no parameter 'epoch'"),
        (["--model", "bert", "--treebank", "none.conllu"], "there is no file 'none.conllu'"),
        (["--model", "bert", "--treebank", ""], "heads needs a text to read: give --treebank FILE"),
        (["--model", ""], "No model is named: give --model"),
        ([], "No model is named: give --model"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(
    place: Path, arguments: list[str], says: str
) -> None:
    given = ["--readings", "heads", "--treebank", TREEBANK, "--store", "nothing", *arguments]
    check_refused(harness("evaluate", *given), says)
    assert not (place / "nothing").exists()


def test_a_cell_that_fills_no_masks_is_refused(place: Path) -> None:
    before = left("trained")
    given = ("--readings", "asking", "--treebank", LETTERS, "--store", "trained", *PLUGINS)
    causal = key("decoder")
    check_refused(
        harness("evaluate", "--model", causal[:12], *given),
        f"The cell {causal[:12]} (rope on filling, decoder, seed 0) trains no masked language model",
    )
    assert left("trained") == before


def check_refused(ended: Ended, says: str) -> None:
    assert ended.status == 2
    assert says in " ".join(ended.err.split())
    assert "Traceback" not in ended.err + ended.out
    assert sum(line.startswith("harness: ") for line in ended.err.splitlines()) == 1


def test_a_reading_that_is_stopped_is_read_by_the_next_run(place: Path) -> None:
    """Ctrl-C in a terminal reaches the whole group of processes."""
    given = ["--model", key("encoder")[:12], "--readings", "asking[mood=wait]", "--treebank", LETTERS]
    given += ["--store", "trained", "--no-report", "--workers", "1", *PLUGINS]
    flag = place / f"{LETTERS}.wait"
    flag.touch()
    before = left("trained")
    code = "import sys; from posharness.cli import main; sys.exit(main(['evaluate', *sys.argv[1:]]))"
    with subprocess.Popen(
        [sys.executable, "-c", code, *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
    ) as process:
        assert process.stdout is not None
        while not place.joinpath(f"{LETTERS}.waiting").exists():
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "stopped; finished cells are kept" in " ".join(said.split())
    assert left("trained") == before
    flag.unlink()
    ended = harness("evaluate", *given)
    assert (ended.status, "0 trained, 1 read, 0 reused" in ended.out) == (0, True)
