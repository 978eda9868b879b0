"""Corpora: what can be one, how it lies in the cache, and what is said when it cannot be read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posharness.contracts import UserError
from posharness_tasks import _text_files
from posharness_tasks.bert import BertPretraining, json_array, vocabulary
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpus import find_source, prepare_corpus
from posharness_tasks.bert.encoded import SPLITS, prepare_encoded
from posharness_tasks.bert.json_array import elements
from posharness_tasks.bert.local_files import local_source
from posharness_tasks.bert.rows import row_documents

NOUNS = ["cat", "dog", "house", "river", "mountain", "teacher", "engine", "letter", "garden", "window"]
VERBS = ["sees", "finds", "leaves", "paints", "visits", "remembers"]


def document(number: int, sentences: int = 9) -> list[str]:
    return [
        f"The {NOUNS[(number + i) % 10]} {VERBS[(number * i) % 6]} a {NOUNS[(3 * i) % 10]}, number {number}."
        for i in range(sentences)
    ]


DOCUMENTS = [document(number) for number in range(40)]


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def as_text(folder: Path) -> str:
    # Hard-wrapped after every third word, as prose often is.
    wrapped = (
        "".join(word + " \n"[i % 3 == 2] for i, word in enumerate(" ".join(d).split())) for d in DOCUMENTS
    )
    return written(folder / "all.txt", "\ufeff" + "\n\n \n".join(wrapped))


def as_folder(folder: Path) -> str:
    (folder / "texts" / "more").mkdir(parents=True)
    for number, sentences in enumerate(DOCUMENTS):
        # A blank line inside: of a folder, each file is one document all the same.
        text = " ".join(sentences[:4]) + "\n\n" + " ".join(sentences[4:])
        written(folder / "texts" / ("more" if number >= 30 else "") / f"z{number:02}.txt", text)
    # Files in a sub-folder sort before those beside it, so DOCUMENTS are compared as a set below.
    return str(folder / "texts")


def as_pattern(folder: Path) -> str:
    as_folder(folder)
    written(folder / "texts" / "unrelated.log", "not this")
    return str(folder / "texts" / "**" / "z*.txt")


def as_json(folder: Path) -> str:
    return written(
        folder / "all.json", json.dumps([{"id": 1, "text": " ".join(d)} for d in DOCUMENTS], indent=1)
    )


def as_json_lines(folder: Path) -> str:
    lines = "\n".join(json.dumps({"text": " ".join(d[:5]) + "\n" + " ".join(d[5:])}) for d in DOCUMENTS)
    return written(folder / "all.jsonl", lines + "\n\n")


def as_parquet(folder: Path) -> str:
    texts = [" ".join(d) for d in DOCUMENTS]
    pyarrow.parquet.write_table(
        pyarrow.table({"n": range(41), "text": [*texts, None]}), folder / "all.parquet"
    )
    return str(folder / "all.parquet")


def as_treebank(folder: Path) -> str:
    return written(folder / "all.conllu", "".join(map(conllu, DOCUMENTS)))


def as_treebanks(folder: Path) -> str:
    for number, part in enumerate((DOCUMENTS[:13], DOCUMENTS[13:])):
        written(folder / f"part{number}.conllu", "".join(map(conllu, part)))
    return str(folder / "*.conllu")


def conllu(sentences: list[str]) -> str:
    """A document whose sentences have their text, every other one in its forms alone."""
    text = "# newdoc\n"
    for number, sentence in enumerate(sentences):
        text += f"# text = {sentence}\n" if number % 2 else ""
        forms = sentence.removesuffix(".").split()
        for place, form in enumerate([*forms, "."], start=1):
            end = "SpaceAfter=No" if place == len(forms) else "_"
            text += f"{place}\t{form}\t_\t_\t_\t_\t{place - 1}\tdep\t_\t{end}\n"
        text += "\n"
    return text


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
        patch.setattr(_text_files, "CHUNK", size)
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
    monkeypatch.setattr(_text_files, "CHUNK", size)
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
    sampled = [line for lines in vocabulary._sample(text) for line in lines]
    assert sum(map(len, sampled)) < 8 * 530
    assert set(sampled) <= set(text.read_text("utf-8").splitlines(keepends=True))
    assert len({line.split()[0] for line in sampled}) >= 8
    one, two = (vocabulary.train_vocabulary(text, 120).to_str() for _ in range(2))
    assert one == two


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


LONG = " ".join("The word is said again, and again it is said." for _ in range(200))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.txt", None, "names no file"),
        ("*.none", None, "names no file"),
        ("empty.txt", b"", "too small: 0 documents"),
        ("blank.jsonl", b"\n\n", "too small: 0 documents"),
        ("one.txt", LONG.encode(), "too small: 1 documents"),
        ("short.txt", b"A b. C d.\n\n" * 20, "40 sentences, 80 words"),
        ("single.txt", (b"again and again " * 20 + b"\n\n") * 20, "two or more sentences"),
        ("latin.txt", "na\u00efve".encode("latin-1"), "not UTF-8 text (line 1"),
        ("second.txt", b"fine\n\xff\xfe", "line 2"),
        ("wide.txt", "wide".encode("utf-16-le"), "null byte"),
        ("broken.jsonl", b'{"text": "a"}\n{"text": ', "line 2, column"),
        ("broken.json", b'[{"text": "a"},\n {]', "line 2, column 3"),
        ("number.jsonl", b'{"text": 3}', "is int in line 1"),
        ("other.jsonl", b'{"body": "a", "id": 1}', "no column 'text' in line 1 (it has: body, id)"),
        ("array.json", b'["a"]', "in element 1"),
        ("no.parquet", b"this is no parquet file at all", "no readable Parquet"),
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
    assert left(cache) == []


def left(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "neither a file nor"), ("no such corpus!", "neither a file nor"), ("empty", "holds no file")],
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


def test_a_vocabulary_without_room_for_the_alphabet(tmp_path: Path) -> None:
    corpus = prepare_corpus(as_text(tmp_path), tmp_path)
    with pytest.raises(UserError, match="a vocabulary of 20 is too small") as caught:
        prepare_encoded(corpus, 20, tmp_path)
    smallest = int(str(caught.value).split("choose ")[1].split()[0])
    assert prepare_encoded(corpus, smallest, tmp_path).vocabulary == smallest
    assert [path.name for path in (tmp_path / "tokens").iterdir() if path.suffix != ".lock"] != []


def test_a_vocabulary_that_leaves_too_much_unknown(tmp_path: Path) -> None:
    # Five thousand signs, each about as frequent as the others: the vocabulary knows the first thousand.
    signs = [chr(0x4E00 + (i * 7919) % 5000) for i in range(20_000)]
    text = "\n\n".join("".join(signs[i : i + 50]) + ". A1. " for i in range(0, len(signs), 50))
    name = written(tmp_path / "signs.txt", text.replace(". A", ".\nA") + "\n\n" + " ".join(DOCUMENTS[0]) * 20)
    with pytest.raises(UserError, match=r"leaves \d\d% of the tokens of the corpus .*signs.txt' unknown"):
        BertPretraining("encoder", corpus=name, vocabulary_size=4100).prepare(tmp_path / "cache")
    assert not [path for path in left(tmp_path / "cache") if "tokens" in path.parts]


def test_sentences_that_are_too_long_for_the_pairs_that_are_asked_for(tmp_path: Path) -> None:
    name, cache = as_text(tmp_path), tmp_path / "cache"
    with pytest.raises(
        UserError, match=r"too small for pairs of 6 tokens: no two sentences of its \w+ split"
    ):
        BertPretraining("encoder", corpus=name, vocabulary_size=300, evaluation_lengths=(64, 6)).prepare(
            cache
        )
    BertPretraining("encoder", corpus=name, vocabulary_size=300, evaluation_lengths=(64, 40)).prepare(cache)


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
    monkeypatch.setattr("posharness_tasks._text_files._LONGEST_LINE", 1 << 10)
    name = written(tmp_path / "endless.txt", "short\n" + "word " * 1000)
    with pytest.raises(UserError, match=r"endless.txt' has a line 2 of over"):
        list(local_source(name).documents())


def test_a_split_without_pairs(tmp_path: Path) -> None:
    # All but one document are single sentences, so that some split can make no pair.
    text = "\n\n".join([LONG, *(f"One sentence of {word * 9}" for word in NOUNS)])
    name = written(tmp_path / "singles.txt", text)
    with pytest.raises(UserError, match=r"too small for pairs of sentences in its \w+ split"):
        BertPretraining("encoder", corpus=name, vocabulary_size=300).prepare(tmp_path / "cache")
    assert not [path for path in left(tmp_path / "cache") if "tokens" in path.parts]


def test_an_unusable_cache_is_the_users_to_mend(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    with pytest.raises(UserError, match="make it writable"):
        prepare_corpus(as_text(tmp_path), tmp_path / "file")


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
    (tmp_path / ".other.making" / "deep").mkdir(parents=True)
    assert (cached_folder(tmp_path, "other", make) / "part").read_text() == "whole"
