"""Counts the words of text, in scripts with and without spaces."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["count_words"]


def count_words(texts: Iterable[str]) -> int:
    """The number of words of some texts.

    ASCII text is split at white space. Other text is split at the word boundaries of Unicode (UAX #29), and
    the segments with a letter or a digit are counted: where a script has no spaces, as Chinese and most of
    Japanese, these are characters or short runs of them.

    >>> [count_words([text]) for text in ("the cat sat", "le chat s'était là .", "我是学生。")]
    [3, 4, 4]
    """
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(r"(?y{w})\X"), "isolated").pre_tokenize_str
    return sum(
        len(text.split())
        if text.isascii()
        else sum(any(map(str.isalnum, segment)) for segment, _ in split(text))
        for text in texts
    )
