"""Prints what a store of one task says of each encoding, as Markdown tables, and writes them into the page.

harness run --config offsets --store offsets
python tests/benchmarks/one_task_table.py offsets                   print the tables
python tests/benchmarks/one_task_table.py offsets --write offsets   and write them into PAGE, part "offsets"

PAGE is docs/results/calibration.md. The first table counts tokens, or whole sequences, at the training length
and beyond it: the mean over the seeds and, in brackets, the least and the greatest of one run. The second has
the teacher-forced accuracy of tokens by dependency length, the mean over the seeds. Encodings are in the
order of the accuracy of tokens at the greatest length.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd

import posharness

if __package__:
    from .calibration_table import PAGE, filled
    from .instrument_table import SOLVED, share
else:
    from calibration_table import PAGE, filled
    from instrument_table import SOLVED, share

__all__ = ["by_distance", "main", "summary", "tables"]

_MANY = 8
"""Distances in a column of their own; where there are more, they are put together in doubling widths."""


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each label, seed, decoding and length.

    Returns:
        Columns tokens, the share of predictions that are right, and sequences, the share without a mistake.
    """
    sequences = rows.groupby(["label", "seed", "decoding", "length", "sequence"], observed=True)[
        "correct"
    ].min()
    run = ["label", "seed", "decoding", "length"]
    tokens = rows.groupby(run, observed=True)["correct"].mean()
    return pd.DataFrame({"tokens": tokens, "sequences": sequences.groupby(run, observed=True).mean()})


def by_distance(rows: pd.DataFrame) -> pd.DataFrame:
    """Teacher-forced accuracy of tokens; a row for each label, a column for each length and distance.

    Returns:
        Columns (length, lowest, highest distance), ascending.
    """
    rows = rows[rows["decoding"] == "teacher-forced"]
    lengths = []
    for length, own in rows.groupby("length"):
        distance = own["dependency_length"]
        few = distance.nunique() <= _MANY
        bucket = distance if few else distance.clip(lower=1).map(lambda d: 1 << (int(d).bit_length() - 1))
        places = pd.DataFrame({"low": distance.groupby(bucket).min(), "high": distance.groupby(bucket).max()})
        runs = own.groupby(["label", "seed", bucket.rename("bucket")], observed=True)["correct"].mean()
        means = runs.reset_index().pivot_table("correct", "label", "bucket", observed=True)
        means.columns = pd.MultiIndex.from_tuples((length, *places.loc[bucket]) for bucket in means.columns)
        lengths.append(means)
    return pd.concat(lengths, axis=1)


def tables(store: str) -> str:
    """Both tables, as Markdown."""
    rows = posharness.load(store).predictions.astype({"correct": float, "label": str})
    runs = summary(rows)
    forced = runs.xs("teacher-forced", level="decoding")["tokens"]
    means = forced.reset_index().pivot_table("tokens", "label", "length")
    near = means.columns[0]
    learned = forced.xs(near, level="length").ge(SOLVED).groupby("label").agg(["sum", "size"])
    order = means.fillna(-1).sort_values(list(means.columns[::-1]), ascending=False).index
    # Whole sequences are asked of an answer that the model gives by itself, symbol by symbol.
    told = [("teacher-forced", "tokens"), ("free-running", "tokens"), ("free-running", "sequences")]
    decodings = set(runs.index.unique("decoding"))
    counts = [
        (decoding, length, unit)
        for decoding, unit in told
        if decoding in decodings
        for length in means.columns
    ]
    head = ["", "learned", *(f"{unit}, {decoding}, {length}" for decoding, length, unit in counts)]
    lines = [_line(head), "|---" * len(head) + "|"]
    for label in order:
        entries = [
            _mean_and_range(runs, unit, label=label, decoding=decoding, length=length)
            for decoding, length, unit in counts
        ]
        lines.append(_line([label, f"{learned['sum'][label]} of {learned['size'][label]}", *entries]))
    places = by_distance(rows)
    head = ["", *(f"{length}: {low}" + f"–{high}" * (high > low) for length, low, high in places.columns)]
    lines += ["", _line(head), "|---" * len(head) + "|"]
    lines += [_line([label, *map(share, places.loc[label])]) for label in order]
    return "\n".join(lines)


def _mean_and_range(runs: pd.DataFrame, unit: str, **given: object) -> str:
    own = (runs.index.get_level_values(name) == value for name, value in given.items())
    values = runs.loc[np.logical_and.reduce(list(own)), unit]
    if values.empty:
        return "–"
    return f"{share(values.mean())} ({share(values.min())}–{share(values.max())})"


def _line(entries: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, entries))} |"


def main(given: Sequence[str]) -> None:
    """Print the tables of a store, and with --write put them into a part of the page."""
    store, *rest = given
    made = tables(store)
    sys.stdout.write(made + "\n")
    if rest:
        write, part = rest
        if write != "--write":
            raise SystemExit(__doc__)
        PAGE.write_text(filled(PAGE.read_text("utf-8"), {part: made}), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
