"""What is said when a corpus cannot be read, or makes no pairs, and what is left behind: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import torch

from posharness.contracts import UserError
from posharness.defaults import cache_root
from posharness_tasks.bert import BertPretraining
from posharness_tasks.bert.corpora.corpus import prepare_corpus
from posharness_tasks.bert.corpora.local_files import local_source
from posharness_tasks.bert.encoded import prepare_encoded

from .corpora import DOCUMENTS, NOUNS, as_text, written

LONG = " ".join("The word is said again, and again it is said." for _ in range(200))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.txt", None, "does not exist: check the path"),
        ("*.none", None, "does not exist: check the path"),
        ("empty.txt", b"", "too small: 0 documents"),
        ("blank.jsonl", b"\n\n", "too small: 0 documents"),
        ("one.txt", LONG.encode(), "has 1 documents, and pairs of sentences need 6"),
        ("short.txt", b"A b. C d.\n\n" * 20, "40 sentences, 80 words"),
        (
            "single.txt",
            (b"again and again " * 20 + b"\n\n") * 20,
            "too small in its train split (16 documents",
        ),
        ("latin.txt", "na\u00efve".encode("latin-1"), "not UTF-8 text (line 1"),
        ("second.txt", b"fine\n\xff\xfe", "line 2"),
        ("wide.txt", "wide".encode("utf-16-le"), "null byte"),
        ("broken.jsonl", b'{"text": "a"}\n{"text": ', "line 2, column"),
        ("broken.json", b'[{"text": "a"},\n {]', "line 2, column 3"),
        ("number.jsonl", b'{"text": 3}', "of type int in line 1"),
        ("other.jsonl", b'{"body": "a", "id": 1}', "no column 'text' in line 1 (it has: body, id)"),
        ("array.json", b'["a"]', "in element 1"),
        ("no.parquet", b"this is no parquet file at all", "cannot be read as Parquet"),
        (
            "hollow.jsonl",
            b'{"text": "A b. C d."}\n' + b'{"text": " "}\n' * 7,
            "1 documents (and 7 empty ones)",
        ),
        ("empty.conllu", b"", "is empty"),
        ("latin.conllu", b"# newdoc\n# text = na\xefve", "not UTF-8 text (line 2, byte 20"),
        ("cut.conllu", b"1\ta\ta\tX\tX\t_\t0\troot\t_\t_\n2\tb\tb\n", "line 2 has 3 columns instead of 10"),
        ("head.conllu", b"1\ta\ta\tX\tX\t_\tup\troot\t_\t_\n", "line 1, column 7 (HEAD)"),
    ],
)
def test_bad_files_end_in_a_sentence_and_leave_nothing(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        BertPretraining("encoder", corpus=str(tmp_path / name)).prepare(cache)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    # What makes no pairs is a corpus for other tasks.
    assert name in ("one.txt", "single.txt") or left(cache) == []


def left(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "neither a file nor"), ("no such corpus!", "neither a file nor"), ("empty", "has no file")],
)
def test_a_name_that_stands_for_nothing(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=said):
        prepare_corpus(name, tmp_path / "cache")


def test_a_parquet_file_without_texts_names_its_columns(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"id": [1], "body": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(UserError, match=r"\(it has: id, body\)"):
        prepare_corpus(str(tmp_path / "other.parquet"), tmp_path / "cache")


def test_an_alphabet_without_room_leaves_rare_letters_unknown(tmp_path: Path) -> None:
    corpus = prepare_corpus(as_text(tmp_path), tmp_path)
    encoded = prepare_encoded(corpus, 24, tmp_path)
    # Of 26 letters, the less frequent ones are left out: words with them are unknown.
    assert encoded.vocabulary == 24
    assert 0.02 < encoded.unknown < 0.9
    with pytest.raises(UserError, match=r"leaves \d+% .* vocabulary_size .* most_unknown"):
        BertPretraining("encoder", corpus=corpus.name, vocabulary_size=24).prepare(tmp_path)
    told = BertPretraining("encoder", corpus=corpus.name, vocabulary_size=24, most_unknown=1.0)
    told.prepare(tmp_path)
    assert told.facts()["unknown tokens"] == pytest.approx(encoded.unknown, abs=1e-4)


def test_rare_signs_do_not_end_a_run(tmp_path: Path) -> None:
    # Five thousand signs of which some are frequent, as in Chinese, beside letters.
    signs = [chr(0x4E00 + min(int(5000 * (i * 0.61803 % 1) ** 4), 4999)) for i in range(40_000)]
    text = "\n\n".join("".join(signs[i : i + 25]) + ".\nA1 is b. " for i in range(0, len(signs), 25))
    task = BertPretraining("encoder", corpus=written(tmp_path / "signs.txt", text))
    task.prepare(tmp_path / "cache")
    assert 0.0 < float(task.facts()["unknown tokens"]) < 0.2


def test_a_vocabulary_that_leaves_too_much_unknown(tmp_path: Path) -> None:
    # Five thousand signs, each about as frequent as the others: no vocabulary of 3,000 knows them.
    signs = [chr(0x4E00 + (i * 7919) % 5000) for i in range(20_000)]
    text = "\n\n".join("".join(signs[i : i + 50]) + ". A1. " for i in range(0, len(signs), 50))
    name = written(tmp_path / "signs.txt", text.replace(". A", ".\nA") + "\n\n" + " ".join(DOCUMENTS[0]) * 20)
    with pytest.raises(UserError, match=r"leaves \d\d% of the tokens of the corpus .*signs.txt' unknown"):
        BertPretraining("encoder", corpus=name, vocabulary_size=3000).prepare(tmp_path / "cache")


def test_pairs_that_are_too_short_for_two_sentences(tmp_path: Path) -> None:
    name, cache = as_text(tmp_path), tmp_path / "cache"
    for lengths in ((64, 6), (64, 10)):
        with pytest.raises(UserError, match=r"pairs of \d+ tokens are too short .* right in \d+%"):
            BertPretraining("encoder", corpus=name, vocabulary_size=300, evaluation_lengths=lengths).prepare(
                cache
            )
    BertPretraining("encoder", corpus=name, vocabulary_size=300, evaluation_lengths=(64, 40)).prepare(cache)


def test_the_shortest_pairs_of_the_built_in_corpus_are_refused() -> None:
    """With five tokens, "B does not follow" was right in .99 of them."""
    with pytest.raises(UserError, match="pairs of 5 tokens are too short"):
        BertPretraining("encoder", length=5).prepare(cache_root())


def test_sequences_that_would_be_padding_are_refused_unless_allowed(tmp_path: Path) -> None:
    name, cache = as_text(tmp_path), tmp_path / "cache"
    options: dict[str, Any] = {"corpus": name, "vocabulary_size": 300, "evaluation_lengths": (64, 2048)}
    with pytest.raises(UserError, match=r"\d+% of the tokens are real in sequences of 2048 .* least_real"):
        BertPretraining("encoder", **options).prepare(cache)
    task = BertPretraining("encoder", least_real=0.0, **options)
    task.prepare(cache)
    assert float(task.facts()["real tokens at 64"]) > 0.9
    assert float(task.facts()["real tokens at 2048"]) < 0.3
    batch = task.sample(torch.Generator(), 50, 2048, "test")
    assert batch.padding is not None
    assert float((~batch.padding).double().mean()) == pytest.approx(
        float(task.facts()["real tokens at 2048"]), abs=0.02
    )


def test_text_without_blank_lines_is_cut_and_a_line_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(tmp_path / "dense.txt", "One is here. Two is there.\n" * 25_000)
    assert [len(document) for document in local_source(name).documents()] == [20_000, 20_000, 10_000]
    (tmp_path / "folder").mkdir()
    Path(name).rename(tmp_path / "folder" / "dense.txt")
    written(tmp_path / "folder" / "none.txt", "")
    pieces = [len(document) for document in local_source(str(tmp_path / "folder")).documents()]
    assert pieces == [10_000] * 5 + [0]
    monkeypatch.setattr("posharness_tasks.text.files._LONGEST_LINE", 1 << 10)
    name = written(tmp_path / "endless.txt", "short\n" + "word " * 1000)
    with pytest.raises(UserError, match=r"endless.txt' has a line 2 of over"):
        list(local_source(name).documents())


def test_a_split_without_pairs(tmp_path: Path) -> None:
    # All but one document are single sentences, so that some split can make no pair.
    text = "\n\n".join([LONG, *(f"One sentence of {word * 9}" for word in NOUNS)])
    name = written(tmp_path / "singles.txt", text)
    with pytest.raises(UserError, match=r"too small in its \w+ split"):
        BertPretraining("encoder", corpus=name, vocabulary_size=300).prepare(tmp_path / "cache")


def test_an_unusable_cache_is_the_users_to_mend(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    with pytest.raises(UserError, match="make it writable"):
        prepare_corpus(as_text(tmp_path), tmp_path / "file")
