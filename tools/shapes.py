"""Check shapes while the tests run: beartype, for every function whose annotations name a shape."""

import random
import re
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

# beartype draws which item of a list it checks. With a generator of its own, it does not move the global one,
# which the tests watch.
with patch.object(random, "getrandbits", random.Random(0).getrandbits):
    from beartype import BeartypeConf, beartype

SHAPED = re.compile(r"\b(Float|Int|Bool|Num|Real|Shaped)\[")


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its arguments and result checked, or unchanged where no shape is named."""
    shaped = any(SHAPED.search(str(annotation)) for annotation in function.__annotations__.values())
    # As for mypy, an int will do for a float.
    return beartype(conf=BeartypeConf(is_pep484_tower=True))(function) if shaped else function
