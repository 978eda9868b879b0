"""Treebanks: what is read from CoNLL-U, and what is said of a file that is malformed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from posharness.contracts import UserError
from posharness_tasks.text.treebank import Sentence, Word, read_treebank

TREEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "ud_english_ewt"

TEXT = """\
# newdoc id = one
# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\tTypo=No
1\tDo\tdo\tAUX\tVBP\tMood=Imp|VerbForm=Fin\t3\taux\t3:aux\t_
2\tn't\tnot\tPART\tRB\tPolarity=Neg\t3\tadvmod\t3:advmod\t_
3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\tSpaceAfter=No
3.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t3:conj\tCopyOf=3
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t3:punct\t_

# newpar
1-2\tcan't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tca\tcan\tAUX\tMD\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_
3\t,\t,\tPUNCT\t,\t_\t1\tpunct\t_\t_
4\twon't\twill\tAUX\tMD\t_\t1\tconj\t_\t_

# newdoc
# text = Yes
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def read(folder: Path, text: str | bytes) -> list[Sentence]:
    path = folder / "some.conllu"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_treebank(path))


def test_words_texts_and_documents_are_read(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, TEXT)
    assert first.words == (
        Word("Do", "do", "AUX", {"Mood": "Imp", "VerbForm": "Fin"}, 3, "aux"),
        Word("n't", "not", "PART", {"Polarity": "Neg"}, 3, "advmod"),
        Word("go", "go", "VERB", {"VerbForm": "Inf"}, 0, "root"),
        Word(".", ".", "PUNCT", {}, 3, "punct"),
    )
    # Without a comment that gives it, the text is put together from the forms.
    assert [sentence.text for sentence in (first, second, third)] == ["Don't go.", "can't, won't", "Yes"]
    assert [sentence.start_of_document for sentence in (first, second, third)] == [True, False, True]


def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    windows = b"\xef\xbb\xbf" + TEXT.strip().replace("\n", "\r\n").encode()
    assert read(tmp_path, windows) == read(tmp_path, TEXT)


def test_documents_begin_at_paragraphs_where_none_are_marked_and_else_at_every_twentieth(
    tmp_path: Path,
) -> None:
    sentence = "1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_\n\n"
    by_paragraph = read(tmp_path, (sentence * 2 + "# newpar id = x\n") * 3 + sentence)
    assert [s.start_of_document for s in by_paragraph] == [True, False] * 3 + [True]
    by_number = read(tmp_path, sentence * 45)
    assert [i for i, s in enumerate(by_number) if s.start_of_document] == [0, 20, 40]


def word(number: int, form: str, head: int) -> str:
    return f"{number}\t{form}\t{form}\tX\tX\t_\t{head}\tdep\t_\t_\n"


GOOD = "1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n"
RANGE = "{}\tThecat" + "\t_" * 8 + "\n"
NEXT = "2\tcat\tcat\tNOUN\tNN\tNumber=Sing\t0\troot\t_\t_\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("# a comment\n\n" + GOOD + NEXT, "line 1 has comments but no words after them"),
        (GOOD + NEXT + "\n# newdoc\n", "line 4 has comments but no words after them"),
        (GOOD + "2\tcat\n", "line 2 has 2 columns instead of 10"),
        ("# x\n" + GOOD + NEXT + "\nplain text\n", "line 5 has 1 columns"),
        (GOOD.replace("DET", ""), "line 1, column 4 (UPOS) is ''"),
        (GOOD.replace("The", "T  he"), "line 1, column 2 (FORM) is 'T  he'"),
        (GOOD + NEXT.replace("0", "two"), "line 2, column 7 (HEAD) cannot be 'two'"),
        (GOOD + NEXT.replace("0", "3"), "line 2, column 7 (HEAD) is 3: give the number of another word"),
        (GOOD + NEXT.replace("0", "2"), "line 2, column 7 (HEAD) is 2"),
        (GOOD + NEXT.replace("0", "-1"), "line 2, column 7 (HEAD) is -1"),
        (GOOD + NEXT.replace("0", "_"), "line 2, column 7 (HEAD) is _"),
        (GOOD + NEXT.replace("2", "two"), "line 2, column 1 (ID) cannot be 'two'"),
        (GOOD + NEXT.replace("2", "3"), "line 2, column 1 (ID) does not follow: word 2 of 2 is expected"),
        (GOOD + GOOD, "line 2, column 1 (ID) does not follow"),
        ("1-3\tThecat" + "\t_" * 8 + "\n" + GOOD + NEXT, "line 1, column 1 (ID) does not follow"),
        ("2-1\tThecat" + "\t_" * 8 + "\n" + GOOD + NEXT, "line 1, column 1 (ID) cannot be '2-1'"),
        (GOOD.replace("\t2\t", "\t0\t") + NEXT, "line 2, column 7 (HEAD) is a second root, after that of"),
        (GOOD + NEXT.replace("\t0\t", "\t1\t"), "line 1, column 7 (HEAD) is on a cycle"),
        (GOOD + NEXT + word(3, "sat", 4) + word(4, "on", 3), "line 3, column 7 (HEAD) is on a cycle"),
        (
            RANGE.format("1-2") + GOOD + RANGE.format("2-3") + NEXT + word(3, "sat", 2),
            "line 3, column 1 (ID) is a range that overlaps the one up to word 2",
        ),
        ("0.1\tnothing" + "\t_" * 8 + "\n", "line 1, column 1 (ID) begins a sentence without words"),
        (GOOD + NEXT.replace("=Sing", ""), "line 2, column 6 (FEATS) is not a list of Name=Value"),
        (GOOD.encode() + "2\tcaf\u00e9".encode("latin-1"), "not UTF-8 text (line 2, byte 34:"),
        (GOOD.encode("utf-16-le"), "null byte in line 1, byte 1"),
    ],
)  # fmt: skip
def test_a_malformed_file_ends_in_a_sentence_that_names_the_place(
    text: str | bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "some.conllu" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        list(read_treebank(tmp_path / "none.conllu"))


@pytest.mark.skipif(not TREEBANK.is_dir(), reason=f"the UD English EWT treebank is not at {TREEBANK}")
def test_arcs_of_english_web_text_spread_as_published() -> None:
    """The published shares count neither the arcs to the root nor those of punctuation."""
    sentences = list(read_treebank(TREEBANK / "en_ewt-ud-dev.conllu"))
    assert (len(sentences), sum(sentence.start_of_document for sentence in sentences)) == (2001, 318)
    spread: Counter[str] = Counter()
    for sentence in sentences:
        for number, word in enumerate(sentence.words, start=1):
            if word.head and word.relation != "punct":
                spread[bucket(abs(number - word.head))] += 1
    shares = {name: round(100 * count / spread.total(), 1) for name, count in spread.items()}
    assert shares == {"1": 41.6, "2": 25.8, "3": 13.4, "4-5": 10.7, "6-9": 5.6, "10-19": 2.3, "20-": 0.6}
    assert spread["20-"] == 122


def bucket(length: int) -> str:
    for last, name in ((1, "1"), (2, "2"), (3, "3"), (5, "4-5"), (9, "6-9"), (19, "10-19")):
        if length <= last:
            return name
    return "20-"
