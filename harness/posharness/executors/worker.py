"""The process of one cell: lock it, train or read it, and put its folder into the store."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from posharness.contracts import CellOutcome, Progress
from posharness.contracts.cell import Cell
from posharness.errors import CellStopped
from posharness.executors.cell_log import LONGEST, cap_log
from posharness.executors.lifeline import Lifeline
from posharness.executors.plugin_sources import keep_plugin_sources
from posharness.parent_death import end_with_parent
from posharness.registry.registry import Registry
from posharness.store import INTERRUPTED, Busy, CellWorkspace, Store
from posharness.store.layout import LOG, LOGS

__all__ = ["Answer", "Job", "one_line", "use_threads", "work_on"]


@dataclass(frozen=True, slots=True)
class Job:
    """One cell and the paths that its process needs, all of them absolute.

    Attributes:
        directory: the working directory, for a task whose corpus was named relative to it.
        memory: GB that the process may allocate beyond what it starts with; None for no limit.
        gpus: the only GPUs that the process may use; () for those that the harness may use.
        run: see `CellRunner.name`.
    """

    cell: Cell
    store: Path
    cache: Path
    directory: Path
    plugin_paths: tuple[Path, ...]
    memory: float | None = None
    gpus: tuple[str, ...] = ()
    run: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process of a cell answers.

    Attributes:
        outcome: of the cell; None if another process is running it, or has made it meanwhile.
        last: the last progress, which may be too recent for another process to have read it.
        stored: whether the outcome is in the store.
    """

    outcome: CellOutcome | None
    last: Progress | None = None
    stored: bool = True

    @property
    def interrupted(self) -> bool:
        """Whether the cell was stopped before its end."""
        return self.outcome is not None and self.outcome.status == "interrupted"


def work_on(job: Job, lifeline: Connection, answer: Connection) -> None:
    """Run a cell in a process of its own, the first of a session, and send its `Answer`."""
    os.setsid()
    end_with_parent()
    try:
        ended = _run_job(job, lifeline)
    except Busy:
        ended = Answer(None)
    except Exception as error:  # noqa: BLE001 - the store cannot be used: the border of a cell
        ended = Answer(CellOutcome("failed", one_line(error), _traceback()), stored=False)
    answer.send(ended)


def _run_job(job: Job, lifeline: Connection) -> Answer:
    """Run a cell and put its folder into the store; an exception becomes its outcome.

    Raises:
        Busy: another process is running the cell.
    """
    own = os.getpid()
    os.chdir(job.directory)
    if job.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(job.gpus)  # before torch looks for them
    use_threads(job.cell.trainer.threads)
    if job.memory is not None:
        _limit_memory(job.memory)
    with Store.open(job.store, create=True).begin(job.cell, run=job.run) as work:
        if work is None:
            return Answer(None)
        _redirect_output(work.folder / LOG)
        last: Progress | None = None

        def observe(progress: Progress) -> None:
            nonlocal last
            _end_copies(own)
            last = progress
            work.report(progress)

        try:
            with Lifeline(lifeline, work):
                outcome = _run(job, work, observe)
        except CellStopped:
            outcome = INTERRUPTED
        except BaseException as error:  # noqa: BLE001 - the border of a cell: SystemExit is its failure too
            outcome = _failure(error, job)
        _end_copies(own)
        sys.stdout.flush()
        sys.stderr.flush()
        cap_log(work.folder / LOG, above=LONGEST)
        work.finish(outcome)
        return Answer(outcome, last)


def _end_copies(own: int) -> None:
    """End a copy of the cell's process that a plugin has forked: it would write the same files."""
    if os.getpid() != own:
        os._exit(0)


def _run(job: Job, work: CellWorkspace, observe: Callable[[Progress], None]) -> CellOutcome:
    """Train the cell, or evaluate a reading on a model that another cell trained."""
    cell = job.cell
    work.report(
        Progress(cell.key, "evaluating", 0, 1)
        if cell.pretrained
        else Progress(cell.key, "training", 0, cell.budget.steps)
    )
    registry = Registry.load(job.plugin_paths)
    keep_plugin_sources(cell, registry, work.folder)
    # Not at the top: the calling process imports this module too, and does not need Lightning.
    if cell.pretrained:
        from posharness.reading import read_cell

        store = Store.open(job.store, create=False)
        return read_cell(cell, registry, work.folder, store=store, cache=job.cache, observe=observe)
    from posharness.training.run import train_cell

    logs = job.store / LOGS
    return train_cell(cell, registry, work.folder, cache=job.cache, observe=observe, logs=logs)


def _failure(error: BaseException, job: Job) -> CellOutcome:
    traceback.print_exc()
    short = job.memory is not None and _is_of_memory(error)
    limit = f"needed more than the {job.memory:g} GB of --memory: " if short else ""
    return CellOutcome("failed", limit + one_line(error), _traceback())


def _limit_memory(gigabytes: float) -> None:
    """Let allocations fail beyond a limit of address space, of which a process has much from the start."""
    own = resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0])
    most = min(own + gigabytes * 1e9, 2.0**62)  # more than any machine has, and the system can hold it
    resource.setrlimit(resource.RLIMIT_AS, (int(most),) * 2)


def _is_of_memory(error: BaseException) -> bool:
    # The stack of a thread is memory too.
    known = ("allocate memory", "can't start new thread")
    return isinstance(error, MemoryError) or any(words in str(error) for words in known)


def use_threads(number: int) -> None:
    """Let torch compute on this number of threads: results depend on it."""
    torch.set_num_threads(number)
    if torch.get_num_interop_threads() != 1:  # it can be set only once
        torch.set_num_interop_threads(1)


def one_line(error: BaseException) -> str:
    """The type and the message of an exception, shortened."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - a plugin's exception, whose own code fails
        said = ""
    line = " ".join(_writable(f"{type(error).__name__}: {said}").split()).removesuffix(":")
    return line if len(line) <= 300 else f"{line[:299]}…"


def _traceback(most: int = 8000) -> str:
    """The traceback of the exception that is being handled, without the middle of an endless one."""
    text = _writable(traceback.format_exc())
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"


def _writable(text: str) -> str:
    """A text in which halves of characters, which no file holds, are written as escapes."""
    return text.encode(errors="backslashreplace").decode()


def _redirect_output(log: Path) -> None:
    """Send the output of this process to a file, whether Python or a library writes it."""
    with log.open("ab") as file:
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            os.dup2(file.fileno(), descriptor)
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()
