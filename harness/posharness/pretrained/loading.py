"""Loading by `transformers`: quietly, and with one sentence for what cannot be loaded."""

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
"""Seconds that the Hub has to answer in."""


def needs_transformers(what: str) -> None:
    """Refuse, in the name of what was asked for, where `transformers` is not installed.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("transformers") is None:
        raise UserError(
            f"{what} needs the library transformers, which is not installed; install it with "
            "`pip install 'posharness[transformers]'`."
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the bars and remarks of `transformers` and of its Hub from the console."""
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
    """Find out in one request whether there is a Hub: `transformers` would ask for each file, and often."""
    import huggingface_hub

    # The client's HTTP library changes from version to version, and so do its errors.
    with suppress(Exception):
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=_PATIENCE)
        return True
    return False


def load(where: str, kind: Any, **options: Any) -> Any:
    """What a class of `transformers` makes of a directory or an id of the Hub, without executing its code.

    Raises:
        UserError: it cannot make anything of it.
    """
    try:
        return kind.from_pretrained(where, trust_remote_code=False, **options)
    # Files of any content may lie there, and what transformers raises over them is of any type.
    except Exception as error:
        said = " ".join(str(error).split()).partition(". ")[0].rstrip(".:;")
        place = "directory" if Path(where).is_dir() else "model"
        raise UserError(
            f"The {place} {where} cannot be loaded by transformers ({said[:200]}); give a directory that "
            "holds a model with its tokenizer, or an id of the Hub while there is a network."
        ) from error
