"""The executor ray: each cell is a task of a Ray cluster."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from posharness.contracts import CellOutcome, CellRunner, Executor, Observer
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.executors.remote import Launched, Launcher, Lost, RemoteRun, run_remotely
from posharness.parent_death import GRACE

__all__ = ["RayExecutor"]

_ANSWERS_WITHIN = 10.0
"""Seconds within which the address of a cluster answers."""


class RayExecutor(Executor):
    """Cells on the machines of a Ray cluster, which all see the store under the same path.

    Args:
        address: of a running cluster, HOST:PORT or "auto"; "" starts Ray on this machine, for this run.
        cpus: cores that Ray reserves for each cell.
        gpus: GPUs that Ray reserves for each cell; with 0.5, two cells share one.
        memory: GB that Ray reserves for each cell; 0 for no reservation.
        retries: how often a cell is started again whose machine was lost.
    """

    name = "ray"
    summary = "Cells on a Ray cluster"
    elsewhere = True

    def __init__(
        self,
        *,
        workers: int = 1,
        timeout: float | None = None,
        address: str = "",
        cpus: float = 1.0,
        gpus: float = 0.0,
        memory: float = 0.0,
        retries: int = 3,
    ) -> None:
        super().__init__(workers=workers, timeout=timeout)
        for name, value in (("cpus", cpus), ("gpus", gpus), ("memory", memory), ("retries", retries)):
            if value < 0:
                raise ValueError(f"{name} is {value:g}: expected 0 or more")
        self.address = address
        self.resources = {
            "num_cpus": cpus,
            "num_gpus": gpus,
            **({"memory": int(memory * 1e9)} if memory else {}),
        }
        self.retries = retries

    def check(self) -> None:
        _import_ray()

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        if not cells:
            return
        ray = _import_ray()
        ours = not ray.is_initialized()
        if ours:
            _connect(ray, self.address)
        try:
            run_remotely(
                cells,
                _RayLauncher(ray, self.resources),
                RemoteRun.here(run, self.timeout),
                observe,
                at_once=self.workers,
                retries=self.retries,
            )
        finally:
            if ours:
                ray.shutdown()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise UserError("The executor ray needs Ray: pip install 'posharness[ray]'.") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    _check_answers(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if address else {"include_dashboard": False}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        what = f"--executor ray[address={address}]" if address else "--executor ray"
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{what}: there is no Ray cluster to use ({reason}); start one: ray start.") from None
    finally:
        # Ray sets a handler of its own in the main thread, which aborts: cells would not be stopped.
        if callable(handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _check_answers(address: str) -> None:
    """Refuse the address of a cluster where nothing listens: Ray would try it for ever.

    Raises:
        UserError: nothing does.
    """
    host, colon, port = address.rpartition(":")
    if "/" in address or not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), _ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"--executor ray[address={address}]: nothing answers there ({error}); give the address that "
            "`ray start --head` has printed."
        ) from None


class _RayLauncher(Launcher):
    def __init__(self, ray: Any, resources: dict[str, float]) -> None:
        self._ray = ray
        self._resources = resources
        # What is tried again is the scheduler's matter. A process is not used again: it may have another GPU.
        self._task = ray.remote(max_retries=0, max_calls=1, **resources)(_run)

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        return [_RayTask(self._ray, self._task.remote(job, cell)) for cell in cells]

    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        needed = {names[name]: amount for name, amount in self._resources.items() if amount}
        machines = [each["Resources"] for each in self._ray.nodes() if each["Alive"]]
        if any(all(has.get(name, 0) >= amount for name, amount in needed.items()) for has in machines):
            return "the machines of the Ray cluster are busy"
        asked = ", ".join(f"{name} {amount:g}" for name, amount in needed.items())
        return f"no machine of the Ray cluster has what a cell asks for: {asked}"

    def drop(self, needless: Sequence[Launched]) -> None:
        for each in needless:
            if isinstance(each, _RayTask):
                self._ray.cancel(each.reference)

    def stop(self, running: Sequence[Launched]) -> None:
        references = [each.reference for each in running if isinstance(each, _RayTask)]
        for reference in references:
            self._ray.cancel(reference)  # raises KeyboardInterrupt in the process, as Ctrl-C
        end = time.monotonic() + GRACE + 1
        while time.monotonic() < end and not all(each.ended() for each in running):
            time.sleep(0.1)


class _RayTask:
    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray = ray
        self.reference = reference

    def ended(self) -> bool:
        ready, _ = self._ray.wait([self.reference], timeout=0)
        return bool(ready)

    def waits(self) -> bool:
        return False  # Ray is told to start no task again, and does not say which it has not started yet

    def outcome(self) -> CellOutcome:
        lost = self._ray.exceptions
        try:
            outcome: CellOutcome = self._ray.get(self.reference)
        except lost.TaskCancelledError:
            return CellOutcome("interrupted", "it was cancelled; the next run resumes it")
        except lost.RayTaskError as error:
            raise Lost(f"Ray could not run it: {_first_line(error.cause)}", again=False) from None
        except lost.RayError as error:
            raise Lost(
                f"its process on the Ray cluster was lost ({type(error).__name__})", again=True
            ) from None
        return outcome


def _run(job: RemoteRun, cell: Cell) -> CellOutcome:
    # Ray cancels it as Ctrl-C does, which is ignored in what a script has started in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return job(cell)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
