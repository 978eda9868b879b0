"""What all tests share: their order, a fork server, quick garbage collection, and signals despite nohup."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    # A shell without job control lets background processes ignore SIGINT; tests of Ctrl-C would then hang.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # nohup lets them ignore SIGHUP, which children inherit; tests of a closed terminal would wait in vain.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector pass over the modules and tests that are there to the end.

    A full collection looks at each of them again, which takes a third of a second.
    """
    gc.disable()
    yield
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of this folder: test_docs.py takes longest, and would be waited for at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.parent != here)


@pytest.fixture(scope="session")
def warm_server() -> Iterator[None]:
    """One fork server for all runs of this process, which would each wait until one has imported torch."""
    from posharness.executors.forkserver import PRELOAD, fork_server  # after what checks shapes on import

    with fork_server(PRELOAD):
        yield
