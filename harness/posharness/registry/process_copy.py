"""Runs code of plugins in a copy of this process first: one that hangs or ends its process is named."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from traceback import format_exc
from typing import Any, NoReturn, TypeVar

import torch

from posharness.errors import UserError
from posharness.parent_death import end_group, end_with_parent
from posharness.registry.plugin_file import import_file
from posharness.visible import visible

__all__ = ["CopyEnded", "Teller", "call_in_copy", "check_constructor", "check_imports"]

T = TypeVar("T")

LIMIT = 30.0
"""Seconds that a constructor may take, or the import of a file twice."""

_LOOK = 0.2
"""Seconds between two looks at a copy that says nothing."""


class CopyEnded(Exception):
    """The copy of a process hung in what it had begun, or ended before its work was done.

    Attributes:
        place: what it had begun last and not ended; "" outside of all.
        how: what became of it, as the end of a sentence.
        hung: whether it went on for too long.
    """

    def __init__(self, place: str, how: str, *, hung: bool) -> None:
        super().__init__(f"{place} {how}".strip())
        self.place, self.how, self.hung = place, how, hung


class Teller:
    """What the work in a copy tells the process that waits for it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def announce(self, message: str) -> None:
        """Pass a message on."""
        self._pipe.send(("announce", message))

    @contextmanager
    def within(self, place: str, seconds: float) -> Iterator[None]:
        """Say what is begun, and how long it may take; other limits stand still within it."""
        self._pipe.send(("begin", (place, seconds)))
        try:
            yield
        finally:
            self._pipe.send(("end", None))


def call_in_copy(work: Callable[[Teller], T], announce: Callable[[str], None] = lambda _: None) -> T:
    """Run `work` in a fork of this process, and return its result; what it prints and warns is passed on.

    It sees all that this process has loaded, and changes nothing of it. All that it starts ends with it.

    Args:
        work: its result can be pickled.
        announce: receives what it announces.

    Raises:
        CopyEnded: it hung, or ended its process.
        Exception: what the work raises.
    """
    reader, writer = Pipe(duplex=False)
    with warnings.catch_warnings():
        # Python warns of the locks that other threads may hold: those of outputs, which a copy does not use.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        reader.close()
        _work(work, writer)
    writer.close()
    copy = _Copy(pid, reader, announce)
    try:
        kind, value = copy.follow()
    finally:
        copy.close()
    if kind == "error":
        raise value
    result: T = value
    return result


def check_imports(paths: Sequence[Path]) -> None:
    """Import single-file plugins in a copy of this process, which nothing but Linux can make safely.

    Raises:
        UserError: an import ends the process or takes longer than a minute. What it raises is ignored here.
    """
    if not paths or sys.platform != "linux":
        return

    def work(tell: Teller) -> None:
        for path in paths:
            with tell.within(str(path), 2 * LIMIT), _silence(), suppress(BaseException):
                import_file(path)

    try:
        call_in_copy(work)
    except CopyEnded as ended:
        raise UserError(
            f"--plugin-path {ended.place}: its import {ended.how}; let it only define classes and functions."
        ) from None


def check_constructor(option: str, noun: str, construct: Callable[[], object]) -> None:
    """Run a constructor in a copy of this process, which nothing but Linux can make safely.

    Args:
        option: what selects the plugin, as it was given.
        noun: what the plugin is.

    Raises:
        UserError: it ends the process or takes longer than half a minute. What it raises is ignored here.
    """
    if sys.platform != "linux":
        return

    def work(tell: Teller) -> None:
        with tell.within(noun, LIMIT), _silence(), suppress(BaseException):
            construct()

    try:
        call_in_copy(work)
    except CopyEnded as ended:
        raise UserError(f"{option}: the {noun} cannot be built: its constructor {ended.how}.") from None


@contextmanager
def _silence() -> Iterator[None]:
    """Print nothing: what is tried in a copy is done, and prints, once more."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


class _Copy:
    """A copy of this process, seen from here."""

    def __init__(self, pid: int, reader: Connection, announce: Callable[[str], None]) -> None:
        self._pid = pid
        self._reader = reader
        self._announce = announce
        self._status: int | None = None
        self._begun: list[tuple[str, float]] = []

    def follow(self) -> tuple[str, Any]:
        """Wait for the result or the error."""
        since = time.monotonic()
        while True:
            if self._reader.poll(_LOOK):
                try:
                    kind, value = self._reader.recv()
                except (EOFError, OSError):
                    raise self._dead() from None
                since = time.monotonic()
                if kind in ("result", "error"):
                    return kind, value
                self._pass_on(kind, value)
            elif self._begun and time.monotonic() - since > self._begun[-1][1]:
                place, seconds = self._begun[-1]
                raise CopyEnded(place, f"has not ended after {seconds:g} s", hung=True)
            elif self._has_ended():  # though something that it has started holds the pipe
                raise self._dead()

    def _pass_on(self, kind: str, value: Any) -> None:
        if kind == "begin":
            self._begun.append(value)
        elif kind == "end":
            self._begun.pop()
        elif kind == "announce":
            self._announce(value)
        elif kind == "print":
            sys.stderr.write(visible(value))
        else:
            warnings.warn_explicit(*value)

    def _has_ended(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None

    def _dead(self) -> CopyEnded:
        end = time.monotonic() + 1
        while not self._has_ended() and time.monotonic() < end:
            time.sleep(0.01)
        code = os.waitstatus_to_exitcode(self._status or 0)
        how = f"ended the process with status {code}"
        if code < 0:
            known = {number.value: number.name for number in signal.Signals}
            how = f"ended the process by {known.get(-code, f'signal {-code}')}"
        return CopyEnded(self._begun[-1][0] if self._begun else "", how, hung=False)

    def close(self) -> None:
        """End it with all that it has started."""
        end_group(self._pid)
        if self._status is None:
            os.waitpid(self._pid, 0)
        self._reader.close()


class _Printed(io.TextIOBase):
    """Sends what is printed: the output of the first process may be another's at this moment."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def write(self, text: str) -> int:
        self._pipe.send(("print", text))
        return len(text)


def _work(work: Callable[[Teller], Any], pipe: Connection) -> NoReturn:
    """What the copy does."""
    try:
        os.setsid()
        end_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.stdout = sys.stderr = _Printed(pipe)
        torch.set_num_threads(1)  # threads do not survive a fork
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = partial(_pass_on_warning, pipe)
            answer = _answer(work, Teller(pipe))
        pipe.send(answer)
    except BaseException as error:  # noqa: BLE001 - it cannot be pickled, say
        with suppress(BaseException):
            pipe.send(("error", RuntimeError(f"{type(error).__name__}: {error}")))
    finally:
        os._exit(0)


def _pass_on_warning(
    pipe: Connection, message: Warning | str, category: type[Warning], file: str, line: int, *_: Any
) -> None:
    with suppress(Exception):  # a warning of a class that cannot be pickled
        pipe.send(("warn", (str(message), category, file, line)))


def _answer(work: Callable[[Teller], Any], tell: Teller) -> tuple[str, Any]:
    try:
        return "result", work(tell)
    except Exception as error:  # noqa: BLE001 - it is raised again where the copy was made
        if not isinstance(error, UserError | OSError):
            error.add_note(format_exc())
        error.__traceback__ = error.__cause__ = error.__context__ = None
        return "error", error
