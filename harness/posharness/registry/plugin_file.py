"""Imports a single-file plugin, together with the files beside it that it imports."""

from __future__ import annotations

import importlib.util
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from posharness.registry.source.definitions import read_module
from posharness.registry.unchanged import unchanged

__all__ = ["import_file"]

_CONTENT = "__posharness_content__"
"""The attribute of an imported file that holds the digest of its content."""


def import_file(path: Path) -> ModuleType:
    """Import a plugin from a file; it can import the modules and packages beside it, as a script can.

    A file that this process has imported, and that has not changed, is not imported again. Nothing that it
    changes of the process lasts.

    Raises:
        ImportError: a module beside it has the name of one that is imported already from elsewhere.
    """
    # The name holds the place, so that two files of one name do not meet.
    name = f"posharness_file_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    content = sha256(path.read_bytes()).hexdigest()
    known = sys.modules.get(name)
    if known is not None and getattr(known, _CONTENT, "") == content:
        return known
    folder = path.resolve().parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that a file beside the plugin hides no installed module
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with unchanged():
            spec.loader.exec_module(module)
        _refuse_foreign_neighbours(path, folder)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    setattr(module, _CONTENT, content)
    return module


def _refuse_foreign_neighbours(path: Path, folder: Path) -> None:
    """Refuse a plugin that was given the module of another folder in place of the one beside it."""
    waiting, read = [path], set[Path]()
    while waiting:
        file = waiting.pop()
        if file in read or not file.is_file():
            continue
        read.add(file)
        for top in _imported(file):
            beside = [folder / f"{top}.py", folder / top / "__init__.py"]
            given = _file_of(top)
            if any(own.is_file() for own in beside) and given and given not in beside:
                raise ImportError(
                    f"{file.name} imports {top!r}, which lies beside it, and was given {given}; "
                    f"rename {top}.py beside the plugin"
                )
            waiting += beside


def _imported(file: Path) -> list[str]:
    """The top-level modules that a file imports, inside its functions too."""
    source = read_module(file.stem, file.read_bytes(), is_package=file.stem == "__init__")
    inside = [target for found in source.imports_inside for _, target in found]
    return sorted({target.module.partition(".")[0] for target in (*source.executed, *inside)} - {""})


def _file_of(top: str) -> Path | None:
    """The file of a top-level module, imported or not."""
    if top in sys.modules:
        file = getattr(sys.modules[top], "__file__", None)
    else:
        spec = importlib.util.find_spec(top)
        file = spec.origin if spec and spec.has_location else None
    return Path(file).resolve() if file else None
