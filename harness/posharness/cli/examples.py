"""What `harness show --examples` prints: answers of a cell to sequences of the test."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from posharness.contracts.columns import EXAMPLES, qualified
from posharness.errors import UserError
from posharness.store import Store

__all__ = ["of_cell", "print_examples"]

_NEAR = 3
"""Tokens around a marked one that are always shown."""
_SHORT = 8
"""As many tokens or fewer, far from any mark, are not left out."""
_WIDTH = 100
_INDENT = "    "
_TEST = ("objective", "decoding", "length")


def of_cell(store: Store, key: str) -> list[dict[str, Any]]:
    """The examples of a cell as plain values; `tokens` and `memory` as lists.

    Raises:
        UserError: the cell keeps none.
    """
    from posharness.store.frames import read_rows

    try:
        found = read_rows(store, key, EXAMPLES)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The examples of the cell {key[:12]} cannot be read ({' '.join(str(error).split())}); give the "
            "command that made it again."
        ) from error
    if found is None:
        state = store.status(key)
        raise UserError(
            f"The cell {key[:12]} keeps no examples: it is {state.status if state else 'not known'}; only a "
            "training run that is done has them."
        )
    rows = [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]
    return [row | {name: row[name].split() for name in ("tokens", "memory")} for row in rows]


def print_examples(out: Console, rows: list[dict[str, Any]]) -> None:
    """Print the examples of each length, objective and decoding, nearest sources first."""
    out.print("[x] a source   >x< where the answer is given   (n) tokens left out")
    ordered = sorted(rows, key=itemgetter(*_TEST, "dependency_length"))
    for (objective, decoding, length), group in groupby(ordered, key=itemgetter(*_TEST)):
        own = list(group)
        right = sum(row["answer"] == row["prediction"] for row in own)
        heading = f"{qualified(objective, decoding=decoding)}, length {length}: {right} of {len(own)} right"
        out.print(Text(f"\n{heading}", style="bold"))
        for row in own:
            _print_example(out, row)


def _print_example(out: Console, row: dict[str, Any]) -> None:
    right = row["answer"] == row["prediction"]
    distance = f"distance {row['dependency_length']}: " if row["dependency_length"] >= 0 else ""
    line = Text(f"  {distance}{row['prediction']}")
    line += Text(", right", style="green") if right else Text(f", not {row['answer']}", style="red")
    if row["changed_answer"]:
        followed = row["changed_answer"] == row["changed_prediction"]
        wanted = "right" if followed else f"not {row['changed_answer']}"
        line += Text(f"; source changed: {row['changed_prediction']}, {wanted}")
    out.print(line, soft_wrap=True)
    place, sources = {row["position"]}, set(row["sources"])
    if row["memory"]:
        _print_tokens(out, "memory: ", _marked(row["memory"], sources, set()))
    _print_tokens(out, "", _marked(row["tokens"], set() if row["memory"] else sources, place))


def _marked(tokens: list[str], sources: set[int], place: set[int]) -> list[str]:
    """Tokens with marks; of long stretches without one, only how many tokens there are.

    Without a source, all tokens are shown, with the pieces of words ("##s") put together.
    """
    shown = [
        f">{token}<" if i in place else f"[{token}]" if i in sources else token
        for i, token in enumerate(tokens)
    ]
    if not sources:
        return " ".join(shown).replace(" ##", "").split()
    near = {i + step for i in sources | place for step in range(-_NEAR, _NEAR + 1)}
    words: list[str] = []
    for kept, stretch in groupby(range(len(shown)), key=near.__contains__):
        indices = list(stretch)
        long = not kept and len(indices) > _SHORT
        words += [f"({len(indices)})"] if long else [shown[i] for i in indices]
    return words


def _print_tokens(out: Console, name: str, words: list[str]) -> None:
    width = min(out.width, _WIDTH)
    line = f"{_INDENT}{name}"
    for word in words:
        if cell_len(line) + cell_len(word) > width and line.strip():
            out.print(Text(line.rstrip(), style="dim"), soft_wrap=True)
            line = _INDENT
        line += f"{word} "
    out.print(Text(line.rstrip(), style="dim"), soft_wrap=True)
