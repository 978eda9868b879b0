"""Splits running English text into sentences by one documented rule."""

from __future__ import annotations

import re

__all__ = ["split_sentences"]

# Words whose final full stop does not end a sentence. "etc." and "no." are left out on purpose: before
# a capital they end one more often than not.
_SHORTENED = """
e.g i.e eg ie cf vs viz resp approx al fig figs sec ch eq nos vol vols p pp ed eds op incl excl
mr mrs ms dr prof rev gen col sgt lt capt gov sen rep hon st mt ft ave dept univ inc ltd corp co
jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k u.n d.c a.m p.m ph.d
"""
_ABBREVIATIONS = frozenset(_SHORTENED.split())
_BREAK = re.compile(
    r"""(?P<word>\S*?)            # the last word, to recognise abbreviations
        (?P<stop>[.!?]+)["'”’)\]]*  # its stop, and quotes or brackets that close after it
        \s+
        (?=["'“‘(\[]*[A-Z0-9])     # what follows starts like a sentence
    """,
    re.VERBOSE,
)


def split_sentences(text: str) -> list[str]:
    """The sentences of one paragraph, white space collapsed.

    A sentence ends at `.`, `!` or `?` (closing quotes and brackets included) when white space and then
    a capital or a digit follow, unless the stop belongs to a known abbreviation or to an initial
    ("J. Smith"). Line breaks are white space.

    >>> split_sentences("See Fig. 2, by J. Smith. It holds! (Mostly.) e.g. here.")
    ['See Fig. 2, by J. Smith.', 'It holds!', '(Mostly.) e.g. here.']
    """
    text = " ".join(text.split())
    sentences, start = [], 0
    for match in _BREAK.finditer(text):
        if match["stop"] == "." and _is_abbreviation(match["word"]):
            continue
        sentences.append(text[start : match.end()].rstrip())
        start = match.end()
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def _is_abbreviation(word: str) -> bool:
    word = word.lstrip("\"'“‘([")
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word.isupper())
