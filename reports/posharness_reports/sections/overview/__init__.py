"""The first section: what was run, what it shows, and what to know before trusting it."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Overview(ReportSection):
    """Findings, caveats, and what was run where."""

    name = "overview"
    summary = "Overview"
    order = 10

    def build(self, frames: Frames) -> Section:
        """Always has something to say."""
        from posharness_reports import findings
        from posharness_reports.formatting import count, escape_markdown
        from posharness_reports.measures.accuracy import GATE
        from posharness_reports.measures.statistics import THRESHOLD
        from posharness_reports.study import study
        from posharness_reports.tables import accuracy as accuracy_tables
        from posharness_reports.tables import overview as overview_tables

        whole = study(frames)
        ready, read = whole.trained, whole.readings.cells
        cells = ready.cells
        counted = f"{findings.cell_counts(whole)}."
        if len(cells):
            counted += (
                f" {count(len(ready.labels), 'encoding')}, {count(cells['task'].nunique(), 'task')}, "
                f"{count(cells['seed'].nunique(), 'seed')}."
            )
        if len(read):
            models = count(read["pretrained"].nunique(), "pretrained model")
            counted += f" Among the cells are {count(len(read), 'reading')} of {models}."
        points = [f"- {escape_markdown(finding)}" for finding in findings.by_task(ready)]
        warnings = [f"- {escape_markdown(caveat)}" for caveat in findings.caveats(ready)]
        reading = (
            "How far information carries is the *effective dependency length*: the longest distance up to "
            f"which every bucket of distances reaches {THRESHOLD} of the way from chance to perfect, at the "
            "training length; “≥” where the longest distance tested still does. In brackets stand 95 % "
            "intervals; where there are none, every draw gives the same. Beyond the training length an "
            f"encoding is judged only when it has learned the task itself, to {GATE} of the way."
        )
        summary = accuracy_tables.summary(ready)
        shown = {"Summary of finished cells": summary} if len(summary) else {}
        settings = overview_tables.settings(ready)
        environments = overview_tables.environments(whole)
        return Section(
            "Overview",
            "\n\n".join(
                filter(
                    None,
                    (
                        escape_markdown(counted),
                        "\n".join(points),
                        reading if points else "",
                        "\n".join(["Before comparing:\n", *warnings]) if warnings else "",
                    ),
                )
            ),
            {
                **shown,
                "Cells by encoding and task": overview_tables.status(whole),
                **({"Settings by task": settings} if len(settings) else {}),
                **({"Where finished cells ran": environments} if len(environments) else {}),
            },
        )
