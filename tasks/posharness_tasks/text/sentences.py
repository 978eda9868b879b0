"""Splits running English text into sentences by one documented rule."""

from __future__ import annotations

__all__ = ["split_sentences"]

# Words whose final full stop does not end a sentence. "etc." and "no." are left out on purpose: before
# a capital they end one more often than not.
_SHORTENED = """
e.g i.e eg ie cf vs viz resp approx al fig figs sec ch eq nos vol vols p pp ed eds op incl excl
mr mrs ms dr prof rev gen col sgt lt capt gov sen rep hon st mt ft ave dept univ inc ltd corp co
jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k u.n d.c a.m p.m ph.d
"""
_ABBREVIATIONS = frozenset(_SHORTENED.split())
_LONGEST_ABBREVIATION = max(map(len, _ABBREVIATIONS))
_STOPS = ".!?"
_CLOSING = "\"'”’)]"
_OPENING = "\"'“‘(["
_STARTS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def split_sentences(text: str) -> list[str]:
    """The sentences of one paragraph, white space collapsed, in time linear in its length.

    A sentence ends at `.`, `!` or `?` (closing quotes and brackets included) when white space and then
    a capital or a digit follow, unless the stop belongs to a known abbreviation or to an initial
    ("J. Smith"). Line breaks are white space.

    >>> split_sentences("See Fig. 2, by J. Smith. It holds! (Mostly.) e.g. here.")
    ['See Fig. 2, by J. Smith.', 'It holds!', '(Mostly.) e.g. here.']
    """
    words = text.split()
    sentences, start = [], 0
    for place in range(1, len(words)):
        if _ends(words[place - 1]) and _begins(words[place]):
            sentences.append(" ".join(words[start:place]))
            start = place
    if start < len(words):
        sentences.append(" ".join(words[start:]))
    return sentences


def _ends(word: str) -> bool:
    """Whether a sentence may end with this word."""
    stopped = word.rstrip(_CLOSING)
    core = stopped.rstrip(_STOPS)
    stops = len(stopped) - len(core)
    if not stops:
        return False
    return stops > 1 or stopped[-1] != "." or not _is_abbreviation(core)


def _begins(word: str) -> bool:
    """Whether a sentence may begin with this word."""
    return word.lstrip(_OPENING)[:1] in _STARTS


def _is_abbreviation(word: str) -> bool:
    word = word.lstrip(_OPENING)
    if len(word) == 1:
        return word.isupper() or word in _ABBREVIATIONS
    return len(word) <= _LONGEST_ABBREVIATION and word.lower() in _ABBREVIATIONS
