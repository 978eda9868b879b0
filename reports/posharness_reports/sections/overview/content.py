"""Prose and tables of the overview."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness.contracts.versions import SUPERSEDED
from posharness_reports.formatting import count, escape_markdown, percent
from posharness_reports.measures.accuracy import zero_name
from posharness_reports.measures.reach import THRESHOLD
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.sections.overview.findings import by_task, cell_counts
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import shorter, summary
from posharness_reports.tables.overview import data, environments, plugins, settings, status

__all__ = ["describe"]

_ABOUT = (
    "{blind}How far an encoding carries information: the *area under accuracy by distance* is the mean of "
    "normalised accuracy over the logarithm of dependency length, in sequences of the training length; 0 "
    "is {zero} and 1 is perfect at every distance. The "
    "*reach* is the distance at which accuracy falls "
    f"below {percent(THRESHOLD)} of the way from {{zero}} to perfect, fitted from all distances. “≥” means "
    "that it does not fall below at the longest tested distance, and “<” that it is below at the shortest. "
    "*Learned*: runs that are that far at the training length, with the exact interval of their share. "
    "Brackets: 95 % intervals across runs, or with one run by its test sequences. Encodings are "
    "*told apart* if a test of the difference, corrected for all pairs and tasks of this report, gives p ≤ "
    f"{ALPHA}."
)


def describe(study: Study) -> Section:
    """The section about trained cells and readings; it is never empty."""
    trained = study.trained
    zero = zero_name(trained.by_length[0], trained.cells)
    blind = "*Blind*: what can be known without the farthest source. " if zero != "chance" else ""
    findings = [f"- {escape_markdown(sentence)}" for sentence in by_task(trained)]
    warnings = [f"- {escape_markdown(sentence)}" for sentence in caveats(trained)]
    paragraphs = (
        escape_markdown(_what_was_run(study)),
        "\n".join(findings),
        _ABOUT.format(blind=blind, zero=zero) if findings else "",
        "\n".join(["Before you compare:\n", *warnings]) if warnings else "",
    )
    finished = summary(trained)
    tables = {
        "Summary of finished cells": shorter(finished),
        "Finished cells, all columns": finished,
        "Cells by encoding and task": status(study),
        "Settings by task": settings(trained),
        "Data": data(study),
        "Where finished cells ran": environments(study),
        "Plugins": plugins(study),
    }
    return Section("Overview", "\n\n".join(filter(None, paragraphs)), _with_rows(tables))


def _what_was_run(study: Study) -> str:
    """The numbers of cells, encodings, tasks and seeds, and of readings when there are any."""
    trained, readings = study.trained.cells, study.readings.cells
    cells = trained[trained["status"] != SUPERSEDED]
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
