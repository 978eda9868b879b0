"""Strict JSON: a number that is not finite is written as null, and anything else than JSON is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["parse_json", "strict_json"]


def strict_json(value: Any, *, indent: int) -> str:
    """The value as JSON; keys of mappings become texts, tuples become lists."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False)


def parse_json(content: bytes) -> Any:
    """Read JSON that may come from anywhere.

    Raises:
        ValueError: it is not UTF-8 or not JSON, it is nested too deeply, or it holds NaN, a number that no
            float or no text of Python can hold, or half of a surrogate pair. The message is one line.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
        )
        # Half of a surrogate pair (`\ud800`) can be neither printed nor written again.
        if b"\\ud" in content.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half of a surrogate pair") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
