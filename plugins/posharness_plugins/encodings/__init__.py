"""The built-in positional encodings.

This folder has one module for each encoding, named like it, so it grows with the encodings. Modules that
start with an underscore hold what several encodings share.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posharness.contracts import PositionalEncoding, defined_in, hookimpl


@hookimpl
def posharness_encodings() -> Sequence[type[PositionalEncoding]]:
    """The encodings of this folder, one file each."""
    return defined_in(sys.modules[__name__], PositionalEncoding)
