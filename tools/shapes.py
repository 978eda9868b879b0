"""Check shapes while the tests run: beartype, for every function whose annotations name a shape."""

import re
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

SHAPED = re.compile(r"\b(Float|Int|Bool|Num|Real|Shaped)\[")


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its arguments and result checked, or unchanged where no shape is named."""
    shaped = any(SHAPED.search(str(annotation)) for annotation in function.__annotations__.values())
    # As for mypy, an int will do for a float.
    return beartype(conf=BeartypeConf(is_pep484_tower=True))(function) if shaped else function
