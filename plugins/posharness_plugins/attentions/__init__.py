"""The built-in attentions: one module for each, named like it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import Attention, defined_in, hookimpl


@hookimpl
def posharness_attentions() -> Sequence[type[Attention]]:
    """The attentions of this folder, one file each."""
    return defined_in(sys.modules[__name__], Attention)
