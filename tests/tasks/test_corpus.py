"""Corpora: what can be one, and how it lies in the cache."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posharness.cli.dryrun import print_plan
from posharness.contracts import UserError
from posharness.experiment import Experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from posharness_tasks.bert import BertPretraining, vocabulary
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpora import json_array
from posharness_tasks.bert.corpora.corpus import find_source, prepare_corpus
from posharness_tasks.bert.corpora.json_array import elements
from posharness_tasks.bert.corpora.local_files import local_source
from posharness_tasks.bert.corpora.rows import row_documents
from posharness_tasks.bert.encoded import SPLITS, prepare_encoded
from posharness_tasks.text import files as text_files
from posharness_tasks.text.sentences import split_sentences

from .corpora import (
    DOCUMENTS,
    NOUNS,
    as_folder,
    as_json,
    as_json_lines,
    as_parquet,
    as_pattern,
    as_text,
    as_treebank,
    as_treebanks,
    written,
)


@pytest.mark.parametrize(
    "write",
    [as_text, as_folder, as_pattern, as_json, as_json_lines, as_parquet, as_treebank, as_treebanks],
)
def test_each_form_gives_the_same_documents(write: Callable[[Path], str], tmp_path: Path) -> None:
    assert sorted(local_source(write(tmp_path)).documents()) == sorted(DOCUMENTS)


@pytest.mark.parametrize("text", ["[]", " [ ] \n", "[1]", '["a\\u00e9", {"b": [1, 2]}, true, null, 1.5e3]'])
def test_a_json_array_is_read_element_by_element(text: str, tmp_path: Path) -> None:
    assert list(elements(Path(written(tmp_path / "some.json", text)))) == json.loads(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=20) | st.integers(), max_size=3)),
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_a_json_array_may_be_cut_anywhere(
    rows: list[dict[str, object]], size: int, indent: int | None, ascii_only: bool, tmp_path: Path
) -> None:
    name = written(tmp_path / "some.json", json.dumps(rows, indent=indent, ensure_ascii=ascii_only))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "CHUNK", size)
        patch.setattr(json_array, "CHUNK", size)
        assert list(elements(Path(name))) == rows


@pytest.mark.parametrize("size", [3, 1 << 20])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1},\n {"b" 2}]', "Expecting ':' delimiter in line 2, column 7"),
        ('[{"a": 1}\n\n   {"b": 2}]', "Expecting ']' in line 3, column 4"),
        ('[{"a": 1}]\n]', "Extra data in line 2, column 1"),
        ('[{"a": "', "Unterminated string starting at in line 1, column 8"),
        ("[1, 2", "Expecting ']' in line 1, column 6"),
        ("[1,\n]", "Expecting value in line 2, column 1"),
    ],
)
def test_a_broken_json_array_names_the_place(
    text: str, said: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "CHUNK", size)
    monkeypatch.setattr(json_array, "CHUNK", size)
    path = Path(written(tmp_path / "some.json", text))
    with pytest.raises(UserError) as caught:
        list(elements(path))
    assert said in str(caught.value)


def test_a_wrong_encoding_in_a_json_array_names_the_byte(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_bytes(b"[\n\n" + b" " * (1 << 20) + b'"caf\xe9"]')
    with pytest.raises(UserError, match=rf"line 3, byte {(1 << 20) + 7}:"):
        list(elements(tmp_path / "some.json"))


def test_a_vocabulary_of_a_long_text_is_learned_from_parts_all_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "_PIECES", 8)
    monkeypatch.setattr(vocabulary, "_PIECE", 500)
    text = Path(
        written(tmp_path / "long.txt", "".join(f"{NOUNS[i // 1000]} again {i}.\n" for i in range(10_000)))
    )
    ranges = [(0, text.stat().st_size)]
    sampled = [line for lines in vocabulary._sample(text, ranges) for line in lines]
    assert sum(map(len, sampled)) < 8 * 530
    assert set(sampled) <= set(text.read_text("utf-8").splitlines(keepends=True))
    assert len({line.split()[0] for line in sampled}) >= 8
    one, two = (vocabulary.train_vocabulary(text, 120, ranges).to_str() for _ in range(2))
    assert one == two


@pytest.mark.parametrize("piece", [500, 1 << 20])
def test_a_vocabulary_is_learned_from_its_parts_alone(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "_PIECE", piece)
    lines = [f"{NOUNS[i % 10]} number {i}.\n" for i in range(9000)]
    text = Path(written(tmp_path / "long.txt", "".join(lines)))
    bounds = [0]
    for line in lines:
        bounds.append(bounds[-1] + len(line))
    kept = [(100, 101), (3000, 3005), (3010, 3400), (8000, 9000)]
    sampled = [
        line for part in vocabulary._sample(text, [(bounds[a], bounds[b]) for a, b in kept]) for line in part
    ]
    inside = [line for a, b in kept for line in lines[a:b]]
    assert sampled == inside if piece > 500 else set(sampled) <= set(inside)
    assert len(sampled) > 1000


def test_wikitext_rows_are_joined_to_articles() -> None:
    rows = [
        "",
        " = Cats = ",
        " A cat is here . It sleeps . ",
        " = = Names = = ",
        " They vary . ",
        " = Dogs = ",
        " Ha ! ",
    ]
    articles = [["A cat is here .", "It sleeps .", "They vary ."], ["Ha !"]]
    assert [article for article in row_documents(rows) if article] == articles


def test_a_source_is_known_by_its_contents_and_not_by_its_name(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.txt", "One.\n\nTwo."), written(tmp_path / "b.txt", "One.\n\nTwo.")
    third = written(tmp_path / "c.txt", "One.\n\nTwo!")
    assert find_source(first).identity == find_source(second).identity != find_source(third).identity


def test_a_prepared_corpus_is_a_sentence_a_line_and_found_again(tmp_path: Path) -> None:
    name, cache = as_text(tmp_path), tmp_path / "cache"
    corpus = prepare_corpus(name, cache)
    text = corpus.text.read_bytes()
    assert text.decode() == "".join("\n".join(d) + "\n\n" for d in DOCUMENTS)
    assert corpus.sha256 == sha256(text).hexdigest()
    assert (corpus.documents, corpus.sentences) == (40, 360)
    assert corpus.words == sum(len(s.split()) for d in DOCUMENTS for s in d)
    before = corpus.text.stat()
    assert prepare_corpus(name, cache) == corpus
    assert corpus.text.stat() == before


def test_two_preparations_give_the_same_bytes(tmp_path: Path) -> None:
    corpus = prepare_corpus(as_text(tmp_path), tmp_path / "cache")
    first, second = (prepare_encoded(corpus, 300, tmp_path / side) for side in ("one", "two"))
    assert first.digest == second.digest
    assert first.tokenizer.read_bytes() == second.tokenizer.read_bytes()


def test_encoding_keeps_the_text_and_its_bounds(tmp_path: Path) -> None:
    corpus = prepare_corpus(as_text(tmp_path), tmp_path)
    encoded = prepare_encoded(corpus, 300, tmp_path)
    vocabulary = json.loads(encoded.tokenizer.read_text("utf-8"))["model"]["vocab"]
    pieces = {number: piece for piece, number in vocabulary.items()}
    assert encoded.vocabulary == len(pieces) <= 300
    assert [pieces[i] for i in range(5)] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    sentences = []
    for start, end in zip(encoded.sentences.tolist(), encoded.sentences[1:].tolist(), strict=False):
        sentences.append("".join(pieces[i].removeprefix("##") for i in encoded.tokens[start:end].tolist()))
    assert sentences == [s.replace(" ", "").lower() for d in DOCUMENTS for s in d]
    assert encoded.documents.tolist() == list(range(0, 361, 9))
    assert encoded.counts.sum() == len(encoded.tokens)


def test_every_split_holds_documents_of_its_own(tmp_path: Path) -> None:
    encoded = prepare_encoded(prepare_corpus(as_text(tmp_path), tmp_path), 300, tmp_path)
    sizes = encoded.sentences[encoded.documents].diff()
    for index, name in enumerate(SPLITS):
        own = encoded.split == index
        assert own.sum() >= 2
        share = float(sizes[own].sum() / sizes.sum())
        assert share > 0.8 if name == "train" else 0.05 <= share < 0.1
        # What is counted for a split is what its documents hold.
        inside = own.repeat_interleave(sizes)
        counted = encoded.tokens[inside].long().bincount(minlength=encoded.vocabulary)
        assert (counted == encoded.counts[index]).all()


def test_a_word_that_looks_like_a_special_token_is_read_as_words(tmp_path: Path) -> None:
    odd = [[f"Write [MASK] or [SEP] here, number {i}.", *d] for i, d in enumerate(DOCUMENTS)]
    name = written(tmp_path / "odd.txt", "\n\n".join(" ".join(d) for d in odd))
    encoded = prepare_encoded(prepare_corpus(name, tmp_path), 300, tmp_path)
    assert int(encoded.tokens.min()) >= 5


def test_a_folder_is_made_by_one_and_whole_or_not_at_all(tmp_path: Path) -> None:
    made: list[str] = []
    ready = threading.Barrier(4)

    def make(folder: Path) -> None:
        made.append("begun")
        (folder / "part").write_text("first")
        time.sleep(0.2)
        (folder / "part").write_text("whole")

    def ask(_: int) -> str:
        ready.wait()
        return (cached_folder(tmp_path, "key", make) / "part").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["whole"] * 4
    assert made == ["begun"]

    def fail(folder: Path) -> None:
        (folder / "part").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_folder(tmp_path, "other", fail)
    assert not [path for path in tmp_path.rglob("*") if "other" in path.name and path.suffix != ".lock"]
    # What a killed process left half-made is thrown away.
    (tmp_path / ".other.123.unfinished" / "deep").mkdir(parents=True)
    assert (cached_folder(tmp_path, "other", make) / "part").read_text() == "whole"
    assert not list(tmp_path.glob("*.unfinished"))


def test_words_are_counted_in_scripts_without_spaces(tmp_path: Path) -> None:
    chinese = "我是学生。" * 4
    plain = written(tmp_path / "zh.txt", "\n\n".join([f"{chinese}! 1 {chinese}"] * 40))
    assert prepare_corpus(plain, tmp_path / "cache").words == 40 * (2 * 4 * 4 + 1)


def test_words_of_a_treebank_are_its_own(tmp_path: Path) -> None:
    rows = [f"{n}\t学生\t学生\tX\tX\t_\t{n - 1}\tdep\t_\tSpaceAfter=No\n" for n in range(1, 15)]
    sentence = "1-2\t学生学生\t_\t_\t_\t_\t_\t_\t_\t_\n" + "".join(rows) + "\n"
    treebank = written(tmp_path / "zh.conllu", ("# newdoc\n" + sentence * 8) * 10)
    assert prepare_corpus(treebank, tmp_path / "cache").words == 10 * 8 * 14


def test_the_vocabulary_knows_nothing_of_validation_and_test(tmp_path: Path) -> None:
    # Each document has a word of its own, forty times, in letters that no other has.
    documents = [
        " ".join([*d, *(f"The word {chr(0x1200 + i)} is said." for _ in range(40))])
        for i, d in enumerate(DOCUMENTS)
    ]
    name = written(tmp_path / "own.txt", "\n\n".join(documents))
    encoded = prepare_encoded(prepare_corpus(name, tmp_path), 1000, tmp_path)
    pieces = json.loads(encoded.tokenizer.read_text("utf-8"))["model"]["vocab"]
    for i, split in enumerate(encoded.split.tolist()):
        assert (chr(0x1200 + i) in pieces) == (SPLITS[split] == "train")


def test_sentences_and_documents_that_come_again_are_told(tmp_path: Path) -> None:
    sentence = "The same long sentence is said in each of these documents again."
    documents = [[*d[:4], sentence, f"Short {i % 3}."] for i, d in enumerate(DOCUMENTS)] + [DOCUMENTS[7]] * 3
    name = written(tmp_path / "again.txt", "\n\n".join(map(" ".join, documents)))
    corpus = prepare_corpus(name, tmp_path)
    assert corpus.copies == 2
    encoded = prepare_encoded(corpus, 300, tmp_path)
    lines = [line for line in corpus.text.read_text("utf-8").splitlines() if line]
    training = {lines[i] for i in encoded.sentences_of("train").tolist()}
    for split in ("validation", "test"):
        own = encoded.sentences_of(split).tolist()
        known = [lines[i] in training for i in own]
        assert encoded.known[own].tolist() == known
        assert encoded.known_share(split) == pytest.approx(sum(known) / len(known))
        assert 0.2 < encoded.known_share(split) < 0.9
    assert not encoded.known[encoded.sentences_of("train")].any()
    options: dict[str, Any] = {"corpus": name, "vocabulary_size": 300, "negatives": "none", "least_real": 0.0}
    kept = BertPretraining("encoder", **options)
    kept.prepare(tmp_path)
    assert kept.facts()["documents that repeat another"] == 2
    assert kept.facts()["test sentences in training"] == pytest.approx(encoded.known_share("test"), abs=1e-3)
    without = BertPretraining("encoder", known_sentences="exclude", **options)
    without.prepare(tmp_path)
    assert without._streams["test"].sentences == (~encoded.known[encoded.sentences_of("test")]).sum()
    assert without._streams["train"].sentences == kept._streams["train"].sentences


def test_what_ends_a_document_can_be_set(tmp_path: Path) -> None:
    text = "One is here. Two is there.\nThree is far.\n\nFour comes.\n"
    name = written(tmp_path / "some.txt", text)
    one, two, three, four = "One is here.", "Two is there.", "Three is far.", "Four comes."
    assert list(local_source(name).documents()) == [[one, two, three], [four]]
    assert list(local_source(name, documents="lines").documents()) == [[one, two], [three], [four]]
    assert list(local_source(name, documents="files").documents()) == [[one, two, three, four]]
    folder = str(tmp_path)
    assert list(local_source(folder).documents()) == [[one, two, three, four]]
    assert list(local_source(folder, documents="blank_lines").documents()) == [[one, two, three], [four]]
    identities = {local_source(name, documents=each).identity for each in ("auto", "lines", "files")}
    assert len(identities) == 3


def test_any_column_of_texts_can_be_named(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"body": " ".join(d), "text": "no"}) for d in DOCUMENTS)
    name = written(tmp_path / "all.jsonl", rows)
    assert list(local_source(name, "body").documents()) == DOCUMENTS
    with pytest.raises(UserError, match=r"no column 'title' .*has: body, text.*--text-column"):
        list(local_source(name, "title").documents())


@pytest.mark.parametrize("write", [as_text, as_json, as_json_lines, as_treebank])
def test_each_form_may_be_compressed(write: Callable[[Path], str], tmp_path: Path) -> None:
    path = Path(write(tmp_path))
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert list(local_source(str(packed)).documents()) == DOCUMENTS
    assert list(local_source(str(tmp_path), documents="blank_lines").documents()) == DOCUMENTS
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"\.gz' cannot be read as gzip"):
        list(local_source(str(packed)).documents())


@pytest.mark.parametrize(
    "text", ["x" * 16_000, "." * 800, "." * 69_000, ("." * 23 + " ") * 3000, ('a.)"' * 20 + " A ") * 800]
)
def test_sentences_are_found_in_linear_time(text: str) -> None:
    # Processor time: quadratic work takes twenty times as much, and linear work a fiftieth.
    start = time.process_time()
    split_sentences(text)
    assert time.process_time() - start < 0.5


def test_the_facts_of_a_corpus_are_in_the_cells_and_in_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\n".join(json.dumps({"body": " ".join(d)}) for d in DOCUMENTS)
    name = written(tmp_path / "all.jsonl", rows)
    params = {"corpus": name, "text_column": "body", "vocabulary_size": 300, "evaluation_lengths": [64]}
    experiment = Experiment(plugins=["rope"], tasks=["bert"], seeds=1, task={"bert": {"params": params}})  # type: ignore[dict-item]
    (cell,) = plan(experiment, Registry.load(), tmp_path)
    assert cell.facts["documents"] == 40
    assert float(cell.facts["real tokens at 64"]) > 0.9
    assert cell.model_copy(update={"facts": {}}).key == cell.key
    print_plan(experiment, tmp_path / "store", [])
    shown = capsys.readouterr().out
    assert "real tokens at 64" in shown
    assert "dependency length at 64" in shown
