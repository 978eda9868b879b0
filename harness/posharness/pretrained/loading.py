"""Loads models by `transformers`, without its messages, and with errors of one sentence."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from posharness.errors import UserError

__all__ = ["hub_answers", "load", "needs_transformers", "quiet_transformers"]

_PATIENCE = 10.0
"""Seconds to wait for an answer of the Hub."""


def needs_transformers(what: str) -> None:
    """Refuse to go on if `transformers` is not installed.

    Args:
        what: the subject of the error message.

    Raises:
        UserError: it is not installed.
    """
    if importlib.util.find_spec("transformers") is None:
        raise UserError(
            f"{what} needs the library transformers, which is not installed; install it with "
            "`pip install 'posharness[transformers]'`."
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hide the progress bars and messages of `transformers` and of its Hub."""
    bars: Any = importlib.import_module("transformers.utils.logging")  # not annotated
    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    shown = bars.is_progress_bar_enabled()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    bars.disable_progress_bar()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if shown:
            bars.enable_progress_bar()


def hub_answers() -> bool:
    """Whether the Hub answers: one request, where `transformers` would make several for each file."""
    import huggingface_hub

    # The type of the error depends on the client's HTTP library, which differs between versions.
    with suppress(Exception):
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=_PATIENCE)
        return True
    return False


def load(where: str, kind: Any, **options: Any) -> Any:
    """Load a class of `transformers` from a directory or an id of the Hub, without executing its code.

    Raises:
        UserError: it cannot be loaded.
    """
    try:
        return kind.from_pretrained(where, trust_remote_code=False, **options)
    # The directory may hold any files, and transformers raises errors of any type.
    except Exception as error:
        message = " ".join(str(error).split()).partition(". ")[0].rstrip(".:;")
        place = "directory" if Path(where).is_dir() else "model"
        raise UserError(
            f"The {place} {where} cannot be loaded by transformers ({message[:200]}); give a directory that "
            "holds a model with its tokenizer, or an id of the Hub while there is a network."
        ) from error
