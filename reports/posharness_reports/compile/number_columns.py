"""Columns of texts such as "0.90 [0.78, 1.00]" as columns of numbers: value, low and high."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype, is_scalar

from posharness_reports.formatting import NOT_KNOWN, UNDEFINED

__all__ = ["number_columns"]

_SPACES = re.compile(r"[\s\u202f]")
_ONE = r"(?:[≥≤<>]\s*)?[-+−]?(?:∞|\d[\d\u202f]*(?:\.\d+)?(?:e[-+−]?\d+)?)"
_VALUE = re.compile(
    rf"\s*(?P<value>{_ONE})(?: of (?P<of>\d+))?"
    rf"(?:\s*[\[(](?P<low>{_ONE})\s*[,–]\s*(?P<high>{_ONE})[\])])?\s*%?\s*"
)
_COLUMNS = {"value": "", "of": " of", "low": " low", "high": " high"}
_EMPTY = ("", "–")
_INSTEAD = (NOT_KNOWN, UNDEFINED)
"""Words that stand in place of a number: `NAME is` holds them, and the number is missing."""


def number_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with numbers for each column whose texts are numbers, alone or with an interval.

    Such a column keeps its name for the value; `NAME low` and `NAME high` are the ends of its interval, and
    of "2 of 3" `NAME of` is the 3. If any of these is only a bound ("≥ 36"), the number is that bound, and
    `NAME is` (`NAME low is`, …) holds the sign; where a few texts are words ("not known"), it holds these. A
    percentage stays one. Other columns stay as they are, also those whose texts are plain digits.
    """
    parts: list[pd.Series[Any]] = []
    split = False
    for place, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, place]
        texts = [None if is_scalar(value) and pd.isna(value) else value for value in column]
        found = None if is_numeric_dtype(column.dtype) else _found(texts)
        if found is None:
            parts.append(column.rename(name))
            continue
        split = True
        for end, suffix in _COLUMNS.items():
            own = [match[end] if match else None for match in found]
            if end != "value" and not any(own):
                continue
            parts.append(pd.Series(list(map(_number, own)), frame.index, float).rename(name + suffix))
            signs = [text[0] if text and text[0] in "≥≤<>" else "" for text in own]
            if end == "value":
                words = zip(signs, texts, found, strict=True)
                signs = [sign if match or text in (None, *_EMPTY) else text for sign, text, match in words]
            if any(signs):
                parts.append(pd.Series(signs, frame.index, object).rename(f"{name}{suffix} is"))
    return pd.concat(parts, axis=1) if split else frame


def _found(texts: Sequence[Any]) -> list[re.Match[str] | None] | None:
    """The numbers in each text, None where there is none; None if there is nothing to take apart."""
    found: list[re.Match[str] | None] = []
    words = 0
    for text in texts:
        if text is None or text in (*_EMPTY, *_INSTEAD):
            found.append(None)
        elif not isinstance(text, str):
            return None
        elif (match := _VALUE.fullmatch(text)) is not None:
            found.append(match)
        elif any(character.isdigit() for character in text):
            return None
        else:
            found.append(None)
            words += 1
    numbers = sum(match is not None for match in found)
    return found if numbers > words and not all(map(_plain, texts)) else None


def _plain(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _number(text: str | None) -> float:
    if text is None:
        return float("nan")
    return float(_SPACES.sub("", text).lstrip("≥≤<>").replace("−", "-").replace("∞", "inf"))
