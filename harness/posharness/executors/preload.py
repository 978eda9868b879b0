"""What the fork server imports once, so that no cell has to: torch on one thread, training, every plugin."""

import gc

gc.disable()

import posharness.training  # noqa: E402, F401 - brings Lightning
from posharness.executors.worker import use_one_thread  # noqa: E402
from posharness.registry.registry import Registry  # noqa: E402

use_one_thread()
Registry.load()

# What is loaded is never collected: cells share its memory, and the server ends without taking it apart.
gc.freeze()
gc.enable()
