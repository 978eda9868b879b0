"""Processes that publish at once, and processes that are stopped at one file operation; run as a program.

    python publishers.py together ROUNDS FOLDER          many processes publish the reports in FOLDER/reports
    python publishers.py stop kill|fill SITE REPORT TO   kill the process, or let the disk be full, at each
                                                         operation, each time on a copy of SITE in TO

Forked from one process, so that they start at once and need no imports of their own.
"""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posharness.contracts import UserError
from posharness_reports.publish import static_folder

OPERATIONS = ("open", "os.", "shutil.", "ctypes.", "fcntl.")
"""The audit events of Python that announce an operation on files."""


NEVER_STOPPED = 9


def forked(work: Callable[[], None]) -> int:
    """Start a process that does this and ends."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except UserError:
        status = 2
    finally:
        os._exit(status)


def ended(child: int) -> int:
    """How a process ended: its exit status, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def together(rounds: int, folder: Path) -> None:
    """In each round, publish all reports at once into a new site, and print how the processes ended."""
    reports = sorted((folder / "reports").iterdir())
    for number in range(rounds):
        ready, start = os.pipe()

        def work(
            report: Path, site: Path = folder / f"site-{number}", gate: tuple[int, int] = (ready, start)
        ) -> None:
            os.close(gate[1])
            os.read(gate[0], 1)
            static_folder.publish(report, site)

        children = [forked(lambda report=report: work(report)) for report in reports]  # type: ignore[misc]
        # All wait for the end of the pipe, which comes when nobody can write to it any more.
        os.close(start)
        sys.stdout.write(" ".join(str(ended(child)) for child in children) + "\n")
        os.close(ready)


def writes(event: str, details: tuple[Any, ...]) -> bool:
    """Whether a file is opened to be written."""
    return event == "open" and bool(details[2] & (os.O_WRONLY | os.O_RDWR))


def stop(how: str, site: Path, report: Path, to: Path) -> None:
    """Publish again and again, each time stopped one operation later, until there is no such operation.

    Prints how each process ended: NEVER_STOPPED for the last.
    """
    number, status = 0, 0
    while status != NEVER_STOPPED:
        copy = to / str(number)
        shutil.copytree(site, copy, symlinks=True)

        def work(left: int = number, copy: Path = copy) -> None:
            def at_each(event: str, details: tuple[Any, ...]) -> None:
                nonlocal left
                if not event.startswith(OPERATIONS):
                    return
                left -= 1
                if left == -1 and how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if left == -1 and (event in ("os.mkdir", "os.rename") or writes(event, details)):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            sys.addaudithook(at_each)
            static_folder.publish(report, copy)
            if left >= 0:
                os._exit(NEVER_STOPPED)

        status = ended(forked(work))
        sys.stdout.write(f"{status}\n")
        number += 1


def no_exchange(first: Path, second: Path) -> None:
    """As on a file system that cannot exchange two folders."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


if __name__ == "__main__":
    os.umask(0o022)
    # Drawing takes long, and writes nothing: its bytes are written as those of the other files are.
    static_folder.picture = lambda about: str(about["headline"]).encode()
    if os.environ.get("NO_EXCHANGE"):
        static_folder.exchange = no_exchange
    if sys.argv[1] == "together":
        together(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        stop(sys.argv[2], *map(Path, sys.argv[3:6]))
