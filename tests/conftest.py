"""What all tests share: a fork server, and signals also where a background shell or nohup ignores them."""

import signal
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    # A shell without job control lets background processes ignore SIGINT; tests of Ctrl-C would then hang.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # nohup lets them ignore SIGHUP, which children inherit; tests of a closed terminal would wait in vain.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def warm_server() -> Iterator[None]:
    """One fork server for all runs of this process, which would each wait until one has imported torch."""
    from posharness.executors.forkserver import PRELOAD, fork_server  # after what checks shapes on import

    with fork_server(PRELOAD):
        yield
