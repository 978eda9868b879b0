"""Small treebanks, written by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from posharness_tasks.text.treebank import Sentence, read_treebank

from .models import seeded

Row = tuple[str, str, str, str, int, str]
"""Form, lemma, part of speech, features, head and relation."""


def conllu(documents: Sequence[Sequence[Sequence[Row]]]) -> str:
    lines: list[str] = []
    for document in documents:
        for number, rows in enumerate(document):
            lines += ["# newdoc"] if number == 0 else []
            for index, (form, lemma, upos, feats, head, relation) in enumerate(rows, start=1):
                lines.append(
                    "\t".join([str(index), form, lemma, upos, "_", feats, str(head), relation, "_", "_"])
                )
            lines.append("")
    return "\n".join(lines) + "\n"


def written(folder: Path, documents: Sequence[Sequence[Sequence[Row]]]) -> str:
    path = folder / "trees.conllu"
    path.write_text(conllu(documents), "utf-8")
    return str(path)


def parsed(folder: Path, documents: Sequence[Sequence[Sequence[Row]]]) -> list[Sentence]:
    return list(read_treebank(Path(written(folder, documents))))


def random_trees(documents: int, sentences: int, *, words: int = 7) -> list[list[list[Row]]]:
    """Sentences of 4 to so many words with heads that are drawn; "h3" says that its head is the third."""
    draws = seeded(0)

    def draw(end: int) -> int:
        return int(torch.randint(end, (), generator=draws))

    def sentence() -> list[Row]:
        size = 4 + draw(words - 3)
        order = (torch.randperm(size, generator=draws) + 1).tolist()  # a word's head comes before it
        heads = {number: order[draw(place)] if place else 0 for place, number in enumerate(order)}
        rows: list[Row] = []
        for number in range(1, size + 1):
            head = heads[number]
            relation = "root" if not head else ("nsubj", "obl:tmod", "det", "punct")[draw(4)]
            rows.append((f"h{head}", f"h{head}", "X", "_", head, relation))
        return rows

    return [[sentence() for _ in range(sentences)] for _ in range(documents)]
