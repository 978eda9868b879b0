"""Hides installed packages from the import of Lightning, whose metrics would import them for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError

from lightning_utilities.core import imports

__all__ = ["hidden"]


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Within it, Lightning and torchmetrics find none of these packages; afterwards they can be imported.

    torchmetrics, which Lightning imports whole, imports scipy.signal, matplotlib and transformers wherever
    they are installed: nearly half of the time that the import of Lightning takes. Its metrics that need
    them say afterwards that they are missing; no cell uses them. A package that is imported already is not
    hidden, and nothing is with another version of Lightning's utilities.
    """
    find_version = getattr(imports, "_version", None)
    absent = [name for name in packages if name not in sys.modules]
    if find_version is None:
        yield
        return

    def version(name: str) -> str:
        if name in absent:
            raise PackageNotFoundError(name)
        found: str = find_version(name)
        return found

    vars(imports)["_version"] = version
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None: the import system finds nothing
    try:
        yield
    finally:
        vars(imports)["_version"] = find_version
        for name in absent:
            del sys.modules[name]
        imports.package_available.cache_clear()
        imports.module_available.cache_clear()
