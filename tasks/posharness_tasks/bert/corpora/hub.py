"""Corpora on the Hugging Face Hub, through `datasets`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain

from posharness.contracts import UserError
from posharness_tasks.bert.corpora.python_docs import PYTHON_DOCS
from posharness_tasks.bert.corpora.rows import row_documents
from posharness_tasks.bert.corpora.source import COLUMN, Source

__all__ = ["hub_source", "is_hub_id"]

_ID = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?::(?P<config>[\w.-]+))?")
_PATIENCE = 10.0
"""Seconds that the Hub has to answer in."""
_LONGEST_REASON = 300


def is_hub_id(corpus: str) -> bool:
    """Whether a name looks like a data set on the Hub: `name` or `owner/name`, with or without `:config`."""
    return _ID.fullmatch(corpus) is not None


def hub_source(corpus: str, column: str = COLUMN) -> Source:
    """A column of a data set's split `train`, streamed; see `row_documents`.

    Rows are read as they arrive, and only the text that is prepared from them is kept, so the disk need not
    hold the data set as well. An id that was prepared once needs no network afterwards.

    Raises:
        UserError: while iterating: the Hub cannot be reached, has no such data set, or the set has no texts.
    """
    match = _ID.fullmatch(corpus)
    assert match is not None, corpus
    return Source(f"hub {corpus} {column}", partial(_documents, match["name"], match["config"], column))


def _documents(name: str, config: str | None, column: str) -> Iterator[list[str]]:
    # Imported here: it takes a second, and no other corpus needs it.
    import datasets
    import huggingface_hub

    _ask(name)
    given = f"{name}:{config}" if config else name
    # What the Hub's own readers raise is of many kinds, and more come while rows arrive.
    failures = (OSError, ValueError, RuntimeError, huggingface_hub.errors.HfHubHTTPError)
    try:
        rows = iter(datasets.load_dataset(name, config, split="train", streaming=True))
        first = next(rows, {column: ""})
    except failures as error:
        raise UserError(f"the corpus {given!r} cannot be loaded from the Hub: {_reason(error)}.") from error
    if column not in first:
        raise UserError(
            f"the corpus {name!r} has no column {column!r} (it has: {', '.join(first)}): name the column of "
            "the texts with --text-column, or choose a data set of plain text."
        )
    try:
        yield from row_documents(str(row[column]) for row in chain([first], rows) if row[column])
    except failures as error:
        raise UserError(f"the corpus {given!r} stopped while it was being read: {_reason(error)}.") from error


def _ask(name: str) -> None:
    """Check with one request whether the Hub has a data set; `datasets` would retry for minutes."""
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if huggingface_hub.constants.HF_HUB_OFFLINE:  # then `datasets` looks at its own cache, and nowhere else
        return
    # The client's HTTP library changes from version to version, and so do its errors; those of
    # `requests` are OSErrors.
    clients = [module for library in ("httpx", "httpx2") if (module := sys.modules.get(library))]
    unreachable: tuple[type[Exception], ...] = (OSError, *(client.HTTPError for client in clients))
    try:
        huggingface_hub.HfApi().dataset_info(name, timeout=_PATIENCE)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise UserError(
            f"the corpus {name!r} is neither a local file nor a data set on the Hub: give {PYTHON_DOCS!r}, "
            "the path of a text, CoNLL-U, JSON or Parquet file, or the id of a data set."
        ) from error
    except unreachable as error:
        raise UserError(
            f"the corpus {name!r} is not a local file, and the Hub cannot be reached "
            f"({_reason(error)}): check the network, or give {PYTHON_DOCS!r} or the path of a file."
        ) from error


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:_LONGEST_REASON].rstrip(".:")
