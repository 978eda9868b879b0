"""The imports of the fork server, which every cell shares: torch on one thread, training, all plugins."""

import gc

from posharness.parent_death import outlive_parent_shortly

outlive_parent_shortly()
gc.disable()

from posharness.executors.hidden import hidden  # noqa: E402

with hidden("matplotlib", "scipy", "transformers"):
    import pytorch_lightning  # noqa: F401

import posharness.training.run  # noqa: E402, F401
from posharness.executors.worker import use_threads  # noqa: E402
from posharness.registry.registry import Registry  # noqa: E402

use_threads(1)
Registry.load()

# Nothing imported here is ever collected: the cells share its memory.
gc.freeze()
gc.enable()
