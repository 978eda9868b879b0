"""What happens in the process of one cell, from its lock to its folder's place in the store."""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from posharness.contracts import Progress, Status
from posharness.contracts.cell import Cell
from posharness.executors.lifeline import Lifeline
from posharness.registry.registry import Registry
from posharness.store import INTERRUPTED, Store, Work
from posharness.store.records import LOG

__all__ = ["Ended", "Job", "in_one_line", "run_job", "use_one_thread"]


@dataclass(frozen=True, slots=True)
class Job:
    """One cell, and where everything is. All paths are absolute.

    Attributes:
        directory: the working directory, for a task whose corpus was named relative to it.
    """

    cell: Cell
    store: Path
    cache: Path
    directory: Path
    plugin_paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a cell ended.

    Attributes:
        last: the last that it told of how far it was, which may be too short ago for anyone to have seen.
    """

    status: Status
    reason: str = ""
    last: Progress | None = None


def run_job(job: Job, lifeline: Connection) -> Ended:
    """Make a cell and put its folder into the store; whatever it raises becomes its status.

    Raises:
        Busy: another process is making the cell.
    """
    os.chdir(job.directory)
    use_one_thread()
    with Store.open(job.store, create=True).begin(job.cell) as work:
        if work is None:
            return Ended("done")
        _redirect_output(work.folder / LOG)
        raised = ""
        try:
            with Lifeline(lifeline, work):
                ended = _make(job, work)
        except KeyboardInterrupt:
            ended = Ended("interrupted", INTERRUPTED)
        except BaseException as error:  # noqa: BLE001 - the border of a cell: SystemExit is its failure too
            traceback.print_exc()
            raised = traceback.format_exc()
            ended = Ended("failed", in_one_line(error))
        sys.stdout.flush()
        sys.stderr.flush()
        work.finish(ended.status, ended.reason, raised)
        return ended


def _make(job: Job, work: Work) -> Ended:
    """Train the cell, or read what another one has trained."""
    cell = job.cell
    work.report(
        Progress(cell.key, "evaluating", 0, 1)
        if cell.pretrained
        else Progress(cell.key, "training", 0, cell.budget.steps)
    )
    registry = Registry.load(job.plugin_paths)
    last: Progress | None = None

    def observe(progress: Progress) -> None:
        nonlocal last
        last = progress
        work.report(progress)

    # Not at the top: the calling process names this module too, and has no use for Lightning.
    if cell.pretrained:
        from posharness.reading import read_cell

        store = Store.open(job.store, create=False)
        outcome = read_cell(cell, registry, work.folder, store=store, cache=job.cache, observe=observe)
    else:
        from posharness.training import train_cell

        outcome = train_cell(cell, registry, work.folder, cache=job.cache, observe=observe)
    return Ended(outcome.status, outcome.reason, last)


def use_one_thread() -> None:
    """Let torch compute on one thread, on which depends what bits come out."""
    torch.set_num_threads(1)
    if torch.get_num_interop_threads() != 1:  # it can be set only once
        torch.set_num_interop_threads(1)


def in_one_line(error: BaseException) -> str:
    """The type and the message of an exception, shortened."""
    said = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return said if len(said) <= 300 else f"{said[:299]}…"


def _redirect_output(log: Path) -> None:
    """Send all that this process writes to its output, from whatever language, to a file."""
    with log.open("ab") as file:
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            os.dup2(file.fileno(), descriptor)
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()
