"""What all tests share: signals work in them, also where they were started in the background or by nohup."""

import signal


def pytest_configure() -> None:
    # A shell without job control lets background processes ignore SIGINT; tests of Ctrl-C would then hang.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # nohup lets them ignore SIGHUP, which children inherit; tests of a closed terminal would wait in vain.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
