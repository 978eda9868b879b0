"""Prints the verdicts, rankings and reach of a report as Markdown tables, from the data that it carries.

harness report --store calibration --to reports
python tests/benchmarks/verdicts_table.py reports/ID            print the tables
python tests/benchmarks/verdicts_table.py reports/ID --write    and write them into PAGE

PAGE is docs/results/calibration.md. There are four parts: the verdicts on claims; the rankings over tasks;
the ranks on each task on which encodings are told apart; and the reach.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

if __package__:
    from .calibration_table import PAGE, filled
else:
    from calibration_table import PAGE, filled

__all__ = ["main", "parts"]

_NEAR = "at the training length"


def parts(report: Path) -> dict[str, str]:
    """The parts of the page, by the names of their marks."""
    data = {
        name: pd.read_parquet(report / "data" / f"{name}.parquet")
        for name in ("verdicts", "ranking", "reach")
    }
    ranking, reach = data["ranking"], data["reach"]
    over = ranking["task"].eq("")
    return {
        "verdicts": _verdicts(data["verdicts"]),
        "ranking": _over_tasks(ranking[over]),
        "ranks": _on_each(ranking[~over]),
        "reach": _by_label(reach[reach["scope"].eq(_NEAR)], ["task", "objective"], _reach),
    }


def _verdicts(rows: pd.DataFrame) -> str:
    table = [
        (
            row["claim"],
            f"{row['better']} against {row['other']}",
            row["decoding"],
            f"**{row['verdict']}**",
            _with_interval(row, "effect"),
            f"{row['runs']} and {row['other_runs']}",
        )
        for row in rows.to_dict("records")
    ]
    return _table(["claim", "contrast", "decoding", "verdict", "effect", "runs"], table)


def _over_tasks(rows: pd.DataFrame) -> str:
    table = [
        (row["objective"], row["scope"], row["label"], _rank(row), _with_interval(row, "mean"), row["runs"])
        for row in rows.to_dict("records")
    ]
    return _table(["decoding", "where", "encoding", "rank", "mean", "runs"], table)


def _on_each(rows: pd.DataFrame) -> str:
    """The ranks on those tasks on which some encodings are told apart."""
    where = ["task", "objective", "scope"]
    open_ranks = rows["best_rank"].eq(1) & rows["worst_rank"].eq(
        rows.groupby(where)["label"].transform("size")
    )
    apart = rows[~open_ranks.groupby([rows[name] for name in where]).transform("all")]
    told, all_of_them = (len(part.groupby(where)) for part in (apart, rows))
    said = f"{told} of {all_of_them} rankings on one task tell encodings apart."
    return said if apart.empty else f"{said}\n\n{_by_label(apart, where, _rank)}"


def _by_label(rows: pd.DataFrame, where: list[str], entry: Callable[[Mapping[str, object]], str]) -> str:
    labels = sorted(rows["label"].unique())
    table = []
    for place, own in rows.groupby(where, sort=False):
        found = {row["label"]: entry(row) for row in own.to_dict("records")}
        table.append((*place, *(found.get(label, "–") for label in labels)))
    return _table([*where, *labels], table)


def _rank(row: Mapping[str, object]) -> str:
    best, worst = row["best_rank"], row["worst_rank"]
    return f"{best}" if best == worst else f"{best}–{worst}"


def _reach(row: Mapping[str, object]) -> str:
    """The reach with its interval; "≥" the longest distance, "<" the shortest."""
    low, high = (_distance(row, row[name]) for name in ("low_95", "high_95"))
    reach = _distance(row, row["reach"])
    return reach if low == high == reach else f"{reach} [{low}, {high}]"


def _distance(row: Mapping[str, object], value: object) -> str:
    shortest, longest = row["shortest"], row["longest"]
    if pd.isna(value):
        return "–"
    if value >= longest:
        return f"≥ {longest:.0f}"
    return f"< {shortest:.0f}" if value < shortest else f"{value:.0f}"


def _with_interval(row: Mapping[str, object], name: str) -> str:
    mean, low, high = (row[key] for key in (name, "low_95", "high_95"))
    if pd.isna(mean):
        return "–"
    return f"{mean:z.2f}" if pd.isna(low) else f"{mean:z.2f} [{low:z.2f}, {high:z.2f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main(given: Sequence[str]) -> None:
    """Print the tables of a report, and with --write put them into the page."""
    (report,) = (Path(name) for name in given if name != "--write")
    made = parts(report)
    sys.stdout.write("\n\n".join(made.values()) + "\n")
    if "--write" in given:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), made), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
