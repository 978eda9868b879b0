"""Whether a path is a store or can become one, checked before anything is written."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

from posharness.contracts.atomic_files import read_json, write_json
from posharness.errors import UserError
from posharness.store.layout import CELLS, FORMAT, STORE, WORK

__all__ = ["examine", "open_folder"]


def open_folder(path: Path, *, create: bool) -> None:
    """Check that a folder is a store of this format, or create one.

    Args:
        create: turn a missing or empty folder into a store, and check that it can be written; else the
            store must exist, and nothing is written.

    Raises:
        UserError: the path is not a store and cannot become one.
    """
    if not examine(path) and not create:
        raise UserError(f"There is no store at {path}; run something first: harness run --store {path}.")
    if create:
        try:
            _make(path)
        except OSError as error:
            raise UserError(
                f"The store {path} cannot be written ({_why(error)}); "
                "make it writable or give another folder with --store."
            ) from error


def examine(path: Path) -> bool:
    """Whether there is a store; False where one can probably be created.

    Raises:
        UserError: the path is not a store and cannot become one.
    """
    try:
        if path.exists() and not path.is_dir():
            raise UserError(f"The store {path} is a file; give the path of a folder with --store.")
        if (path / STORE).exists():
            _check_format(path)
            return True
        if _holds_something(path):
            raise UserError(
                f"The folder {path} is not empty and is not a store; give a new or empty folder with --store."
            )
    except OSError as error:
        raise UserError(
            f"The store {path} cannot be read ({_why(error)}); give another one with --store."
        ) from error
    return False


def _check_format(path: Path) -> None:
    try:
        written = read_json(path / STORE)
    except ValueError as error:
        raise UserError(
            f"The store {path} has an unreadable {STORE} ({error}); give another folder with --store."
        ) from error
    if written.get("format") != FORMAT:
        raise UserError(
            f"The store {path} has format {written.get('format')!r} and was made by posharness "
            f"{written.get('posharness', 'of unknown version')}; this is posharness {version('posharness')}, "
            f"which reads format {FORMAT}: use that version, or give another folder with --store."
        )


def _holds_something(path: Path) -> bool:
    # Another process may be creating the same store: its unfinished file does not count.
    return path.is_dir() and any(not entry.name.startswith(f".{STORE}") for entry in path.iterdir())


def _make(path: Path) -> None:
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        if not (path / STORE).exists():
            write_json(path / STORE, {"format": FORMAT, "posharness": version("posharness")}, durable=True)
        for folder in (path, path / CELLS, path / WORK):
            folder.mkdir(exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
    except OSError:
        if new and not (path / STORE).exists():
            path.rmdir()
        raise


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
