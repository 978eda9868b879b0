"""Measures what preparing a generated corpus of a given size takes: seconds, and the peak of memory.

Run as `python tests/benchmarks/prepare_corpus.py MEGABYTES [--vocabulary N] [--folder DIR]`; it needs about
four times the corpus's size of disk in DIR and leaves nothing there.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

from posharness_tasks.bert import BertPretraining
from posharness_tasks.bert.corpora.python_docs import python_docs, python_docs_sources

_NEW_WORDS = 12
"""Made-up words in each document, so that the text holds as many distinct words as real text of its size."""
_SYLLABLES = [
    a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "ol", "us")
]


def generate(path: Path, megabytes: float) -> None:
    """Documents of Python's documentation, drawn again and again, each with a sentence of made-up words."""
    documents = [" ".join(document) for document in python_docs(python_docs_sources())]
    generator = torch.Generator().manual_seed(0)
    left = int(megabytes * 1e6)
    with path.open("w", encoding="utf-8") as file:
        while left > 0:
            document = documents[int(torch.randint(len(documents), (), generator=generator))]
            drawn = torch.randint(len(_SYLLABLES), (_NEW_WORDS, 3), generator=generator).tolist()
            words = ("".join(_SYLLABLES[number] for number in word) for word in drawn)
            text = f"{document} Then came {' '.join(words)}.\n\n"
            left -= len(text)
            file.write(text)


class Watch:
    """Looks at the memory of this process and of its children ten times a second.

    Attributes:
        peak: the most bytes that all of them had resident at once, pages that they share counted for each.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, sum(_resident(process) for process in _family()))


def _family() -> list[str]:
    children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return ["self", *" ".join(children).split()]


def _resident(process: str) -> int:
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except OSError:  # it has ended meanwhile
        return 0
    return int(pages) * resource.getpagesize()


def measure(corpus: Path, cache: Path, vocabulary: int) -> None:
    """Prepare it twice, and print what each time took."""
    for turn in ("first", "second"):
        task = BertPretraining("encoder", corpus=str(corpus), vocabulary_size=vocabulary)
        start, used = time.monotonic(), _processor_seconds()
        with Watch() as watch:
            task.prepare(cache)
        seconds, busy = time.monotonic() - start, _processor_seconds() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        sys.stdout.write(
            f"{turn} run: {seconds:.1f} s, of processors {busy:.1f} s; peak {peak:.2f} GB in this process, "
            f"{watch.peak / 1e9:.2f} GB with its workers\n"
        )


def _processor_seconds() -> float:
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def main() -> None:
    """Read the command line, generate, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", type=float)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        corpus = Path(name) / "corpus.txt"
        generate(corpus, given.megabytes)
        sys.stdout.write(f"{corpus.stat().st_size / 1e6:.0f} MB, a vocabulary of {given.vocabulary}\n")
        sys.stdout.flush()
        measure(corpus, Path(name) / "cache", given.vocabulary)


if __name__ == "__main__":
    main()
