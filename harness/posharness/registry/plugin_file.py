"""Imports a single-file plugin, together with the files beside it that it imports."""

from __future__ import annotations

import atexit
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from posharness.parent_death import children, end_group
from posharness.registry.source.definitions import read_module
from posharness.registry.unchanged import unchanged

__all__ = ["import_file"]

_STATE = "__posharness_state__"
"""The attribute of an imported file that holds its `_state`."""


def import_file(path: Path) -> ModuleType:
    """Import a plugin from a file; it can import the modules and packages beside it, as a script can.

    A file that this process has imported is not imported again, unless it or what lies beside it and is
    imported by it has changed since. Nothing that it changes of the process lasts.

    Raises:
        ImportError: a module beside it has the name of one that is imported already from elsewhere.
    """
    # The name holds the place, so that two files of one name do not meet.
    name = f"posharness_file_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    folder = path.resolve().parent
    known = sys.modules.get(name)
    if known is not None and getattr(known, _STATE, None) == _state(path, folder):
        return known
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that a file beside the plugin hides no installed module
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with unchanged(), _alone():
            spec.loader.exec_module(module)
        _refuse_foreign_neighbours(path, folder)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    setattr(module, _STATE, _state(path, folder))
    return module


@contextmanager
def _alone() -> Iterator[None]:
    """A process that is started within it ends with this one, and a copy of this one at once.

    They hold the output of this process, and whoever reads it would wait for them.
    """
    own, before = os.getpid(), children()
    try:
        yield
    finally:
        if os.getpid() != own:
            os._exit(0)
        for started in children() - before:
            atexit.register(_end, started)


def _end(child: int) -> None:
    if child in children():  # else its number may be another's
        end_group(child)


def _refuse_foreign_neighbours(path: Path, folder: Path) -> None:
    """Refuse a plugin that was given the module of another folder in place of the one beside it."""
    for top, file in _neighbours(path, folder).items():
        given = _file_of(top)
        if given and given not in _beside(top, folder):
            raise ImportError(
                f"{file.name} imports {top!r}, which lies beside it, and was given {given}; "
                f"rename {top}.py beside the plugin"
            )


def _state(path: Path, folder: Path) -> tuple[str, Mapping[str, int]]:
    """The content of a plugin and of what it imports from beside it, and which modules these are now."""
    tops = _neighbours(path, folder)
    files = [path]
    for top in sorted(tops):
        files += [folder / f"{top}.py", *sorted((folder / top).rglob("*.py"))]
    content = sha256()
    for file in files:
        content.update(sha256(file.read_bytes() if file.is_file() else b"").digest())
    return content.hexdigest(), {top: id(sys.modules.get(top)) for top in tops}


def _neighbours(path: Path, folder: Path) -> dict[str, Path]:
    """The modules beside a plugin that it imports, itself or through others, each with a file that does."""
    waiting, read, found = [path], set[Path](), dict[str, Path]()
    while waiting:
        file = waiting.pop()
        if file in read or not file.is_file():
            continue
        read.add(file)
        for top in _imported(file):
            beside = _beside(top, folder)
            if any(own.is_file() for own in beside):
                found.setdefault(top, file)
            waiting += beside
    return found


def _beside(top: str, folder: Path) -> list[Path]:
    return [folder / f"{top}.py", folder / top / "__init__.py"]


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
