"""Random mistakes: values, selections and settings as no user should type them."""

from __future__ import annotations

import random

__all__ = ["selection", "setting"]

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
