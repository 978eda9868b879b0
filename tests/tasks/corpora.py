"""A small corpus, written down in each form that one can have."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet

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
