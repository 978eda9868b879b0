"""What is said of one task posed to an encoder and to a decoder: the gain of the right context."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.formatting import count, enumerate_words, escape_markdown, nats, span, with_interval
from posharness_reports.measures.paired_differences import Contrast, contrast, paired
from posharness_reports.sections._readings import at, contrast_panel, drawn, points_of, values, verdict, wide
from posharness_reports.study import Study

__all__ = ["MASKED", "describe", "pairs_of_cells"]

MASKED = "mlm"
_ALIKE = ["posed", "label", "seed", "settings", "train_length"]
_SHOWN = "token in sight"  # chosen, yet not hidden from the encoder
_DISTANCE = "distance of the nearest copy in tokens"


def pairs_of_cells(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each task with its pairs of finished cells that differ in the body alone, in columns of these names."""
    done = matching(study.cells, status="done")[[*_ALIKE, "body", "cell"]]
    bodies = [
        done[done["body"] == body].drop(columns="body").rename(columns={"cell": body})
        for body in ("encoder", "decoder")
    ]
    both = bodies[0].merge(bodies[1], on=_ALIKE)
    for (task,), pairs in grouped(both, ["posed"]):
        yield str(task), pairs


def describe(study: Study, task: str, cells: pd.DataFrame) -> Section | None:
    """Prose, tables and a figure of one task; None when the two bodies predict no token in common."""
    rows = matching(study.predictions, split="test", objective=MASKED)
    rows = rows[rows["stratum"] != _SHOWN]
    encoder, decoder = (rows[rows["cell"].isin(cells[body])] for body in ("encoder", "decoder"))
    # A decoder emits a token at the position before it.
    decoder = decoder.assign(position=decoder["position"] + 1)
    gains = {
        name: contrast(paired(encoder, decoder, value), task, "directions", value)
        for name, value in (("accuracy", "correct"), ("log p", "log_prob"))
    }
    accuracy, log_prob = gains["accuracy"], gains["log p"]
    if accuracy.overall.empty:
        return None
    panels = [
        contrast_panel(gain.points, gain.runs, title=f"Gain in {name}", x_label=_DISTANCE, y_label=unit)
        for (name, gain), unit in zip(gains.items(), ("accuracy", "nats"), strict=True)
    ]
    shown = {
        f"gain in {name}{unit}, by distance": wide(gain.points, "mean", said=said)
        for (name, gain), unit, said in zip(
            gains.items(), ("", " in nats"), (with_interval, nats), strict=True
        )
        if len(gain.points)
    }
    every = pd.concat([gain.points.assign(gain_in=name) for name, gain in gains.items()], ignore_index=True)
    if len(every):
        shown["gains by distance, all values"] = values(every)
    seeds = span(accuracy.overall["seeds"].astype(int), "seed")
    caption = (
        f"the gain of the right context by distance. Mean over {seeds}, one dot a seed, with a 95 % "
        "bootstrap band; dashed: no gain."
    )
    return Section(task, _prose(accuracy, log_prob), shown, drawn(study, panels, caption))


def _prose(accuracy: Contrast, log_prob: Contrast) -> str:
    nearer = dict(points_of(accuracy.points))
    by_label = log_prob.overall.set_index("label")
    lines = []
    for row in accuracy.overall.to_dict("records"):
        label = row["label"]
        own = by_label.loc[label]
        said = (
            f"the gain is {with_interval(row['mean'], row['low'], row['high'])} in accuracy"
            f"{verdict(row['low'], row['high'])}, and {nats(own['mean'], own['low'], own['high'])} nats in "
            f"log p{verdict(own['low'], own['high'])} "
        )
        said += f"({count(row['pairs'], 'token')}, {count(row['seeds'], 'seed')})"
        if label in nearer:
            said += "; in accuracy " + enumerate_words(
                [f"{value} with a copy at distance {place}" for place, value in at(nearer[label], "mean")]
            )
        lines.append(f"**{escape_markdown(label)}**: {escape_markdown(said)}.")
    return "\n".join(lines)
