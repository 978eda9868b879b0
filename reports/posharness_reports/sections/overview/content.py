"""Prose and tables of the overview."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness_reports.formatting import count, escape_markdown, percent
from posharness_reports.measures.accuracy import GATE
from posharness_reports.measures.effective_length import THRESHOLD
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.sections.overview.findings import by_task, cell_counts
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import summary
from posharness_reports.tables.overview import environments, plugins, settings, status

__all__ = ["describe"]

_ABOUT = (
    "The *effective dependency length* says how far an encoding carries information: it is the longest "
    f"distance up to which every bucket of distances reaches {percent(THRESHOLD)} of the way from chance to "
    "perfect, in sequences of the training length. “≥” means that even the longest tested distance reaches "
    "it. Brackets: 95 % bootstrap intervals; an effective length without brackets is the same in every draw. "
    "Longer sequences are judged only for encodings that have learned the task: "
    f"{percent(GATE)} of the way at the training length."
)


def describe(study: Study) -> Section:
    """The section about trained cells and readings; it is never empty."""
    trained = study.trained
    findings = [f"- {escape_markdown(sentence)}" for sentence in by_task(trained)]
    warnings = [f"- {escape_markdown(sentence)}" for sentence in caveats(trained)]
    paragraphs = (
        escape_markdown(_what_was_run(study)),
        "\n".join(findings),
        _ABOUT if findings else "",
        "\n".join(["Before you compare:\n", *warnings]) if warnings else "",
    )
    tables = {
        "Summary of finished cells": summary(trained),
        "Cells by encoding and task": status(study),
        "Settings by task": settings(trained),
        "Where finished cells ran": environments(study),
        "Plugins": plugins(study),
    }
    return Section("Overview", "\n\n".join(filter(None, paragraphs)), _with_rows(tables))


def _what_was_run(study: Study) -> str:
    """The numbers of cells, encodings, tasks and seeds, and of readings when there are any."""
    cells, readings = study.trained.cells, study.readings.cells
    sentences = [f"{cell_counts(study)}."]
    if len(cells):
        sentences.append(
            f"{count(len(study.trained.labels), 'encoding')}, {count(cells['task'].nunique(), 'task')}, "
            f"{count(cells['seed'].nunique(), 'seed')}."
        )
    if len(readings):
        models = count(readings["pretrained"].nunique(), "pretrained model")
        verb = "is" if len(readings) == 1 else "are"
        sentences.append(
            f"{len(readings)} of the cells {verb} {'a reading' if verb == 'is' else 'readings'} of {models}."
        )
    return " ".join(sentences)


def _with_rows(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {caption: table for caption, table in tables.items() if len(table)}
