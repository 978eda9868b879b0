"""Offers every positional encoding that a module of this folder defines."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import PositionalEncoding, defined_in, hookimpl


@hookimpl
def posharness_encodings() -> Sequence[type[PositionalEncoding]]:
    """The encodings of this folder, one file each."""
    return defined_in(sys.modules[__name__], PositionalEncoding)
