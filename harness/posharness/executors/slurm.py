"""The executor slurm: each cell is a task of a job array of a Slurm cluster, submitted by submitit."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

from posharness.contracts import CellOutcome, CellRunner, Executor, Observer
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.executors.remote import Launched, Launcher, Lost, RemoteRun, run_remotely
from posharness.parent_death import GRACE
from posharness.store import Busy, Store

__all__ = ["SlurmExecutor", "SlurmLauncher"]

_FOLDER = "slurm"
"""The folder of the store with the scripts and the output of its Slurm jobs, a folder for each run."""

_ARRAY = 1000
"""Jobs of an array; Slurm takes no more, unless it is told to."""

_LOOK = 5.0
"""Seconds between two looks at the queue."""

_LATE = 30.0
"""Seconds after the end of a job for which a shared folder may not show its result yet."""


class SlurmExecutor(Executor):
    """Cells in job arrays of a Slurm cluster, whose machines all see the store under the same path.

    Before a job's time limit its cell writes a checkpoint, and the job goes back to the queue.

    Args:
        partition: of the cluster; "" for its default.
        time: limit of one job, in minutes.
        cpus: cores of each cell.
        gpus: GPUs of each cell.
        memory: GB of each cell; 0 for the cluster's default.
        warning: seconds before the limit at which a cell writes its checkpoint.
        requeues: how often a cell goes back to the queue at its limit.
        setup: a shell command that each job runs first, such as `module load python`.
        sbatch: further options of sbatch, each `option=value`.
    """

    name = "slurm"
    summary = "Cells in job arrays of a Slurm cluster"
    elsewhere = True
    several_nodes = True

    def __init__(
        self,
        *,
        workers: int = 1,
        timeout: float | None = None,
        partition: str = "",
        time: int = 60,
        cpus: int = 1,
        gpus: int = 0,
        memory: float = 0.0,
        warning: int = 120,
        requeues: int = 20,
        setup: str = "",
        sbatch: tuple[str, ...] = (),
    ) -> None:
        super().__init__(workers=workers, timeout=timeout)
        if min(time, cpus) < 1 or min(gpus, memory, requeues, warning) < 0:
            raise ValueError("time and cpus should be at least 1, and no number below 0")
        if warning >= 60 * time:
            raise ValueError(f"warning is {warning} s: expected less than the time of {time} min")
        if wrong := [option for option in sbatch if "=" not in option]:
            raise ValueError(f"sbatch has {wrong[0]!r}: expected option=value")
        self.requeues = requeues
        self.options: dict[str, Any] = {
            "job_name": "posharness",
            "time": time,
            "cpus_per_task": cpus,
            "signal_delay_s": warning,
            **({"partition": partition} if partition else {}),
            **({"gpus_per_node": gpus} if gpus else {}),
            **({"mem": f"{int(memory * 1000)}M"} if memory else {}),
            **({"setup": [setup]} if setup else {}),
            "additional_parameters": {"requeue": True} | dict(option.split("=", 1) for option in sbatch),
        }

    def check(self) -> None:
        _import_submitit()

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        if not cells:
            return
        folder = (
            Store.open(run.store.resolve(), create=True).path
            / _FOLDER
            / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{uuid4().hex}"
        )
        launcher = SlurmLauncher(folder, self.options, self.workers, self.requeues)
        job = RemoteRun.here(run, self.timeout)
        run_remotely(cells, launcher, job, observe, at_once=len(cells), retries=0, leave=self.leave_running)


def _import_submitit() -> Any:
    try:
        import submitit
    except ImportError:
        raise UserError("The executor slurm needs submitit: pip install 'posharness[slurm]'.") from None
    if shutil.which("sbatch") is None:
        raise UserError(
            "The executor slurm needs the command sbatch, which is not here; run harness on a machine that "
            "submits to the cluster."
        )
    return submitit


class SlurmLauncher(Launcher):
    """Starts cells in jobs of a Slurm cluster.

    Args:
        folder: of the scripts and the output of the jobs, new in this run: the jobs of another cluster, or of
            this one after its numbers began again, may have the same numbers.
        options: of submitit's SlurmExecutor.
        at_once: jobs that run at a time.
        requeues: how often a cell goes back to the queue.

    Raises:
        UserError: submitit is not installed, or there is no cluster.
    """

    def __init__(self, folder: Path, options: dict[str, Any], at_once: int, requeues: int) -> None:
        submitit = _import_submitit()
        folder.mkdir(parents=True)
        self._executor = submitit.SlurmExecutor(folder, max_num_timeout=requeues)
        self._executor.update_parameters(**options)
        self._options: dict[str, Any] = options.get("additional_parameters", {})
        self._folder = folder
        self._at_once = at_once
        self._queue = _Queue()
        self._requeues = requeues
        self._given = 0
        self._taken: set[str] = set()
        self._last = ""

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        work = _Requeued(job, self._requeues)
        jobs: dict[str, Any] = {}
        try:
            self._given += len(cells)
            for array in _arrays(cells):
                jobs |= zip((cell.key for cell in array), self._submit(work, array), strict=True)
        except BaseException as error:
            _scancel(jobs=[*{_array_of(each): None for each in jobs.values()}])
            _scancel(jobs=[*_arrays_in(self._folder) - self._taken])  # one whose submission was interrupted
            if not isinstance(error, Exception):
                raise
            # submitit raises an error of its own for each way in which sbatch refuses a job.
            reason = " ".join(str(error).split())[-300:]
            taken = f"; the {len(jobs)} that it had taken are cancelled" if jobs else ""
            raise UserError(f"--executor slurm: sbatch takes no job{taken}: {reason}.") from error
        self._taken |= {_array_of(each) for each in jobs.values()}
        return [self.watch(jobs[cell.key]) for cell in cells]

    def watch(self, job: Any) -> Launched:
        """A job of submitit's as a cell that was given to a launcher."""
        return _SlurmJob(job, self._queue)

    def _submit(self, work: _Requeued, cells: Sequence[Cell]) -> list[Any]:
        # A job has one task; its cell starts the processes on the other machines.
        options = {**self._options, "nodes": _nodes(cells[0])}
        if self._last and self._at_once < self._given:
            # Side by side, arrays would run more cells at a time than they may.
            options["dependency"] = ",".join(
                filter(None, [options.get("dependency"), f"afterany:{self._last}"])
            )
        self._executor.update_parameters(
            additional_parameters=options,
            srun_args=["--nodes=1", "--ntasks=1"],
            array_parallelism=self._at_once,
        )
        jobs: list[Any] = self._executor.map_array(work, cells)
        self._last = _array_of(jobs[0])
        return jobs

    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        jobs = [each.id for each in waiting if isinstance(each, _SlurmJob)]
        if not self._queue.answered():
            return "the cluster does not answer squeue"
        if begun := sum(self._queue.holds(job) and not self._queue.pending(job) for job in jobs):
            return f"Slurm jobs that run: {begun}; their cells are still being loaded"
        reasons = {self._queue.reason(job) for job in jobs} - {"", "None"}
        return f"Slurm gives as reason {', '.join(sorted(reasons))}" if reasons else "Slurm gives no reason"

    def drop(self, needless: Sequence[Launched]) -> None:
        _scancel(jobs=[each.id for each in needless if isinstance(each, _SlurmJob)])

    def stop(self, running: Sequence[Launched]) -> None:
        jobs = [each.id for each in running if isinstance(each, _SlurmJob)]
        try:
            # First those that have not begun: scancel tries for minutes to send one of them a signal.
            _scancel("--state=PENDING", jobs=jobs)
            # All processes of a job get it; cells do not listen for SIGINT, and have their seconds.
            _scancel("--state=RUNNING", "--signal=INT", jobs=jobs)
            end = time.monotonic() + GRACE + _LOOK
            while (left := [job for job in jobs if self._queue.holds(job)]) and time.monotonic() < end:
                time.sleep(1)
        except KeyboardInterrupt:  # one more Ctrl-C: the user does not wait, but no job may stay
            _scancel(jobs=jobs)
            raise
        _scancel(jobs=left)


def _scancel(*options: str, jobs: Sequence[str]) -> None:
    """Cancel jobs. One more Ctrl-C ends the wait for it, but not the commands."""
    commands = [
        subprocess.Popen(
            ["scancel", *options, *jobs[start : start + _ARRAY]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for start in range(0, len(jobs), _ARRAY)
    ]
    for command in commands:
        command.wait()


def _squeue(*options: str) -> list[str] | None:
    """What squeue prints of the jobs of this user, a line for each; None if the cluster does not answer."""
    command = ["squeue", "--noheader", "--user", str(os.getuid()), *options]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.splitlines() if found.returncode == 0 else None


def _arrays_in(folder: Path) -> set[str]:
    """The numbers of the arrays in the queue whose scripts are in a folder."""
    lines = (line.partition(" ") for line in _squeue("--format=%F %o") or [])
    return {number for number, _, script in lines if Path(script).parent == folder}


def _arrays(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells by the array that runs them, in their order: all of one need the same number of machines."""
    alike: dict[int, list[Cell]] = {}
    for cell in cells:
        alike.setdefault(_nodes(cell), []).append(cell)
    return [
        every[start : start + _ARRAY] for every in alike.values() for start in range(0, len(every), _ARRAY)
    ]


def _array_of(job: Any) -> str:
    """The number of the array of a job of submitit's."""
    number: str = job.job_id
    return number.partition("_")[0]


def _nodes(cell: Cell) -> int:
    """The number of machines that a cell needs; a reading needs one."""
    return 1 if cell.pretrained else cell.trainer.num_nodes


class _Queue:
    """The jobs that the cluster has not ended, as squeue lists them; no accounting is needed."""

    def __init__(self) -> None:
        self._listed: dict[str, tuple[str, str]] = {}
        self._asked = -_LOOK
        self._answered = -math.inf

    def answered(self, *, since: float = 0.0) -> bool:
        """Whether the cluster has answered a question that was asked after some time."""
        now = time.monotonic()
        if now - self._asked >= _LOOK:
            self._asked = now
            lines = _squeue("--array", "--format=%i %t %r")
            if lines is not None:  # else the cells may run on
                parts = (f"{line}  ".split(" ", 2) for line in lines)
                self._listed = {number: (state, reason.strip()) for number, state, reason in parts}
                self._answered = now
        return self._answered > since

    def holds(self, job: str) -> bool:
        """Whether a job has not ended; it has not where the cluster has never answered."""
        return not self.answered() or job in self._listed

    def reason(self, job: str) -> str:
        """Why a job does not run, in a word of Slurm's; "" where it gives none."""
        return self._listed[job][1] if self.answered() and job in self._listed else ""

    def pending(self, job: str) -> bool:
        """Whether a job has not begun, or has gone back to the queue."""
        return self.answered() and job in self._listed and self._listed[job][0] == "PD"


class _SlurmJob:
    def __init__(self, job: Any, queue: _Queue) -> None:
        self.id: str = job.job_id
        self._result: Path = job.paths.result_pickle
        self._job = job
        self._queue = queue
        self._submitted = time.monotonic()
        self._gone: float | None = None

    def ended(self) -> bool:
        now = time.monotonic()
        if self._result.exists():
            return True
        if not self._queue.answered(since=self._submitted) or self._queue.holds(self.id):
            self._gone = None
            return False
        self._gone = self._gone or now
        return now - self._gone >= _LATE

    def waits(self) -> bool:
        return self._queue.pending(self.id)

    def outcome(self) -> CellOutcome:
        if not self._result.exists():
            how = f"its Slurm job {self.id} was cancelled, or ended without an outcome"
            return CellOutcome("interrupted", f"{how} ({self._job.paths.stderr}); the next run resumes it")
        if error := self._job.exception():
            raise Lost(
                f"its Slurm job {self.id} failed: {str(error).strip().splitlines()[-1][:200]}", again=False
            )
        outcome: CellOutcome = self._job.result()
        return outcome


class _AtLimit(KeyboardInterrupt):
    """Slurm says that the time limit is near."""


class _Requeued:
    """Runs a cell in its job; near the time limit it is checkpointed, and the job goes back to the queue."""

    def __init__(self, job: RemoteRun, requeues: int) -> None:
        self._job = job
        self._requeues = requeues

    def __call__(self, cell: Cell) -> CellOutcome:
        # submitit has handlers of its own, which know nothing of cells.
        for number, error in ((signal.SIGUSR2, _AtLimit), (signal.SIGTERM, KeyboardInterrupt)):
            signal.signal(number, _raises(error))
        try:
            return self._job(cell)
        except _AtLimit:
            if Store.open(self._job.run.store, create=False).done(cell.key):  # it ended after the signal
                return CellOutcome("done")
            if int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= self._requeues:
                return CellOutcome("interrupted", f"reached its time limit {self._requeues + 1} times")
            job = _number()
            _say_where(self._job.run.store, cell, job)
            # Slurm ends this job then.
            subprocess.run(["scontrol", "requeue", job], check=True)
            raise SystemExit(0) from None
        except KeyboardInterrupt:
            raise SystemExit(0) from None


def _raises(error: type[KeyboardInterrupt]) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise error

    return handle


def _number() -> str:
    """The number of this job, as its user knows it."""
    if task := os.environ.get("SLURM_ARRAY_TASK_ID"):
        return f"{os.environ['SLURM_ARRAY_JOB_ID']}_{task}"
    return os.environ["SLURM_JOB_ID"]


def _say_where(store: Path, cell: Cell, job: str) -> None:
    """Let the status of an interrupted cell say that nobody need resume it."""
    reason = f"reached the time limit of its Slurm job {job}, which went back to the queue to go on"
    with suppress(Busy, UserError), Store.open(store, create=False).begin(cell, keep=True) as work:
        if work is not None:
            work.finish(CellOutcome("interrupted", reason))
