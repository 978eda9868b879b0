"""What the fork server imports once, so that no cell has to: torch on one thread, training, every plugin."""

import posharness.training  # noqa: F401 - brings Lightning
from posharness.executors.worker import use_one_thread
from posharness.manager import Registry

use_one_thread()
Registry.load()
