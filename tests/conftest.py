"""What all tests share: Ctrl-C works in them, also where they were started in the background."""

import signal


def pytest_configure() -> None:
    # A shell without job control lets background processes ignore SIGINT; tests of Ctrl-C would then hang.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
