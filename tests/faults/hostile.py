"""Random mistakes: values, selections and settings as no user should type them."""

from __future__ import annotations

import json
import random
from typing import Any

__all__ = ["VALUES", "as_json", "json_value", "mutated", "selection", "setting"]

VALUES = (
    *("nan", "-nan", "inf", "-inf", "NaN", "Infinity", "1e999", "-1e999", "0", "-1", "0.0", "1e-320", "null"),
    *(
        "9" * 30,
        "-" + "9" * 30,
        "9" * 5000,
        "1" + "0" * 18,
        "9223372036854775807",
        "0x10",
        "1_000",
        "½",
        "١٢",
    ),
    *("[" * 400 + "]" * 400, "[]", "[[]]", "[nan]", "[1e999]", "{}", '{"a": 1}', "true", "false", "none"),
    *("a" * 5000, "\x1b[31mred", "\u202eabc", "\x00", "\ud800", "\\ud800", '"\\ud800"', "'", '"', "\n", " "),
    *(
        "../../x",
        "/dev/zero",
        "~",
        "%s",
        "{x}",
        "$(id)",
        "relative",
        "rope[base=alibi]",
        "a|b",
        "=",
        ",",
        "]",
    ),
    *("randomised[base=" * 400 + "rope" + "]" * 400, "randomised[base=nope]", "[1,2,3]", "[3,2,1]", "-5..5"),
)


_ENDLESS = "a whole number of 5,000 digits"


def selection(chance: random.Random, names: list[str], parameters: dict[str, list[str]]) -> str:
    """A plugin, or something like one, with parameters that mostly exist and values that mostly fit not."""
    name = chance.choice([*names, *names, *VALUES])
    known = parameters.get(name, [])
    given = [chance.choice([*known, *known, "x", ""]) for _ in range(chance.choice([0, 1, 1, 2]))]
    if not given:
        return name
    return f"{name}[{','.join(f'{each}={chance.choice(VALUES)}' for each in given)}]"


def setting(chance: random.Random, keys: list[str]) -> str:
    """`KEY=VALUE` as for `--set`, mostly with a key that exists."""
    return (
        f"{chance.choice([*keys, *keys, 'x', 'task', 'model.x', '', '.', 'a.b.c'])}={chance.choice(VALUES)}"
    )


def mutated(chance: random.Random, content: bytes) -> bytes:
    """A file as a disk, an interrupted copy, an editor or a hand would leave it."""
    way = chance.randrange(8)
    start = chance.randrange(len(content) + 1)
    end = min(len(content), start + chance.choice([1, 1, 4, 100]))
    if way == 0:
        return content[:start]
    if way == 1:
        return content[:start] + chance.randbytes(end - start) + content[end:]
    if way == 2:
        return content[:start] + content[end:]
    if way == 3:
        return content[:start] + content[start:end] * 50 + content[end:]
    if way == 4:
        return content[:start] + chance.choice(VALUES).encode(errors="surrogatepass") + content[end:]
    if way == 5:
        return chance.choice([b"", b"\0" * len(content), b"\xff\xfe" + content, content * 3, content[::-1]])
    if way == 6 and (numbers := [i for i, byte in enumerate(content) if chr(byte).isdigit()]):
        place = chance.choice(numbers)
        return content[:place] + chance.choice(VALUES[:30]).encode() + content[place + 1 :]
    return content.replace(chance.choice([b'"', b":", b",", b"{", b"}", b"\n", b"[", b"0", b"e"]), b"", 2)


def as_json(value: Any) -> str:
    """JSON, in which some numbers have more digits than Python writes."""
    return json.dumps(value).replace(f'"{_ENDLESS}"', "9" * 5000)


def json_value(chance: random.Random, depth: int = 0) -> Any:
    """A value of the wrong type, most likely."""
    scalars: list[Any] = [None, True, 0, -1, 1.5, 10**30, _ENDLESS, "", "x", "\u202e", "a" * 5000, "../x"]
    way = chance.randrange(8 if depth < 3 else 6)
    if way == 6:
        return [json_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if way == 7:
        return {str(number): json_value(chance, depth + 1) for number in range(chance.randrange(3))}
    return chance.choice(scalars)
