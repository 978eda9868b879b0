"""Documentation text becomes prose, and prose becomes sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posharness_tasks.bert.corpora.prose import prose
from posharness_tasks.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One is here. Two is there.", ["One is here.", "Two is there."]),
        ("Ask Dr. Smith, e.g. J. Doe. He knows.", ["Ask Dr. Smith, e.g. J. Doe.", "He knows."]),
        ("It costs 3.5 dollars. 4 are sold!", ["It costs 3.5 dollars.", "4 are sold!"]),
        ('He said "no." Then he left. (Alone.) Why?', ['He said "no."', "Then he left.", "(Alone.)", "Why?"]),
        ("wrapped\n  over lines. lower goes on", ["wrapped over lines. lower goes on"]),
        ("Apples, pears etc. They rot.", ["Apples, pears etc.", "They rot."]),
        ("  \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet="aB. !?\"')\n1é", max_size=60))
def test_splitting_loses_nothing_but_white_space(text: str) -> None:
    sentences = split_sentences(text)
    assert " ".join(sentences) == " ".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


DOCUMENTED = """\
frobnicate(x, *, y=3) -> list

Return the list that *x* stands for, or ``None`` if the `table` is empty.  See
:class:`collections.Counter` for a type of non-
numeric use.

>>> frobnicate(4)
this output is not the prose that a reader is looking for.

Arguments:
    spam -- the number of eggs that are put into the pan
    eggs -- unused

Use it like this::

    for the_thing in of(all, the, things):
        print(the_thing)

=======  ==========================
name     what it is good for
a        the first of the letters
=======  ==========================

- An item of the list
  that goes on here.
- Another item that is in the list.

A heading of the next part
--------------------------

:param x: the value that is to be frobnicated with care.

Read https://example.org/the/manual for all of the details.
"""


def test_code_tables_headings_signatures_and_markup_are_gone_and_the_prose_is_left() -> None:
    assert prose(DOCUMENTED) == [
        [
            "Return the list that x stands for, or None if the table is empty.",
            "See collections.Counter for a type of non-numeric use.",
        ],
        ["the number of eggs that are put into the pan"],
        ["Use it like this:"],
        ["An item of the list that goes on here."],
        ["Another item that is in the list."],
    ]
