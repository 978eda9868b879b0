"""Prose, tables and a figure of the gain of the right context: encoder minus decoder."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import settings_text
from posharness_reports.figures.differences import difference_panel
from posharness_reports.figures.readings import reading_figures
from posharness_reports.formatting import count, enumerate_words, escape_markdown, nats, span, with_interval
from posharness_reports.measures.paired_differences import PairedDifference, mean_difference, paired
from posharness_reports.sections._readings import (
    SMALLEST_NATS,
    compared_with_zero,
    first_and_last,
    join_readings,
    points_by_label,
)
from posharness_reports.study import Study
from posharness_reports.tables.readings import all_values, by_place

__all__ = ["describe", "describe_task", "pairs_of_cells"]

_MASKED = "mlm"
_ALIKE = ["posed", "label", "seed", "settings", "train_length"]
_SHOWN = "token in sight"  # selected for prediction, but visible to the encoder
_DISTANCE = "distance of the nearest copy in tokens"
_ABOUT = (
    "The same task is trained with an encoder as masked language modelling and with a decoder as next-token "
    "prediction, with the same text, sizes and encoding. Both are scored on the same tokens: the encoder "
    "sees the text on both sides of a token, and the decoder only the text before it. The *gain* is the "
    "encoder's result minus the decoder's, token by token; tokens that were visible to the encoder are left "
    "out. Distances are the encoder's: to the nearest copy on either side. The two differ in more than the "
    "right context. A decoder learns from every token of a sequence, and an encoder only from the selected "
    "ones. The encoder's context also contains hidden and random tokens; the decoder's does not."
)


def describe(study: Study) -> Section | None:
    """The section; None when no task was run with both bodies under the same settings."""
    parts = {task: describe_task(study, task, cells) for task, cells in pairs_of_cells(study)}
    return join_readings(
        "Both directions and one", _ABOUT, {task: part for task, part in parts.items() if part}
    )


def pairs_of_cells(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """For each task, pairs of finished cells that differ only in the body: columns encoder and decoder."""
    done = matching(study.cells, status="done")[[*_ALIKE, "body", "cell"]]
    done = done.assign(settings=[settings_text(settings) for settings in done["settings"]])
    bodies = [
        done[done["body"] == body].drop(columns="body").rename(columns={"cell": body})
        for body in ("encoder", "decoder")
    ]
    both = bodies[0].merge(bodies[1], on=_ALIKE)
    for (task,), pairs in grouped(both, ["posed"]):
        yield str(task), pairs


def describe_task(study: Study, task: str, cells: pd.DataFrame) -> Section | None:
    """Prose, tables and a figure of one task; None when the two bodies have no predicted token in common."""
    rows = matching(study.predictions, split="test", objective=_MASKED)
    rows = rows[rows["stratum"] != _SHOWN]
    encoder, decoder = (rows[rows["cell"].isin(cells[body])] for body in ("encoder", "decoder"))
    # A decoder predicts a token at the position before it.
    decoder = decoder.assign(position=decoder["position"] + 1)
    gains = {
        name: mean_difference(paired(encoder, decoder, value))
        for name, value in (("accuracy", "correct"), ("log p", "log_prob"))
    }
    accuracy, log_prob = gains["accuracy"], gains["log p"]
    if accuracy.overall.empty:
        return None
    panels = [
        difference_panel(gain.points, gain.runs, title=f"Gain in {name}", x_label=_DISTANCE, y_label=unit)
        for (name, gain), unit in zip(gains.items(), ("accuracy", "nats"), strict=True)
    ]
    shown = {
        f"gain in {name}{unit}, by distance": by_place(gain.points, "mean", write=write)
        for (name, gain), unit, write in zip(
            gains.items(), ("", " in nats"), (with_interval, nats), strict=True
        )
        if len(gain.points)
    }
    every = pd.concat([gain.points.assign(gain_in=name) for name, gain in gains.items()], ignore_index=True)
    if len(every):
        shown["gains by distance, all values"] = all_values(every)
    seeds = span(accuracy.overall["seeds"].astype(int), "seed")
    caption = (
        f"the gain of the right context by distance. Mean over {seeds}, one dot a seed, with a 95 % "
        "band across seeds, or by sequences with one seed. Grey dotted line: no gain."
    )
    return Section(task, _prose(accuracy, log_prob), shown, reading_figures(study, panels, caption, task))


def _prose(accuracy: PairedDifference, log_prob: PairedDifference) -> str:
    by_distance = dict(points_by_label(accuracy.points))
    by_label = log_prob.overall.set_index("label")
    lines = []
    for row in accuracy.overall.to_dict("records"):
        label = row["label"]
        in_nats = by_label.loc[label]
        line = (
            f"the gain is {with_interval(row['mean'], row['low'], row['high'])} in accuracy"
            f"{compared_with_zero(row['low'], row['high'])}, and "
            f"{nats(in_nats['mean'], in_nats['low'], in_nats['high'])} nats in "
            f"log p{compared_with_zero(in_nats['low'], in_nats['high'], SMALLEST_NATS)} "
        )
        line += f"({count(row['pairs'], 'token')}, {count(row['seeds'], 'seed')})"
        if label in by_distance:
            line += "; in accuracy " + enumerate_words(
                [
                    f"{value} with a copy at distance {place}"
                    for place, value in first_and_last(by_distance[label], "mean")
                ]
            )
        lines.append(f"**{escape_markdown(label)}**: {escape_markdown(line)}.")
    return "\n".join(lines)
