"""Prints how far the contexts of `bert` reach: real tokens and the histogram of dependency lengths.

Run as `python tests/benchmarks/contexts.py [CORPUS …] [--lengths 64 512 2048 8192] [--cache DIR]`, by default
on the built-in corpus and, where it lies beside the project, on UD English EWT.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from posharness_tasks.bert import BertPretraining

_TREEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "ud_english_ewt"
_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_TOKENS = 2**18
"""Tokens that are drawn for each length."""


def table(corpus: str, lengths: tuple[int, ...], cache: Path) -> str:
    """A row for each length: real tokens, quantiles, and percentages of dependency lengths by bucket."""
    task = BertPretraining("encoder", corpus=corpus, length=lengths[0], evaluation_lengths=lengths)
    task.prepare(cache)
    names = [f"{low}-" for low in _BOUNDS[:-1]]
    lines = [corpus, "".join(f"{name:>7}" for name in ("length", "real", "median", "p90", "max", *names))]
    for length in lengths:
        batch = task.sample(torch.Generator().manual_seed(0), _TOKENS // length, length, "test")
        assert batch.padding is not None
        real = 100 * float((~batch.padding).double().mean())
        found = batch.dependency_length[batch.scored & (batch.dependency_length >= 0)].double()
        quantiles = [int(found.quantile(share)) for share in (0.5, 0.9, 1.0)]
        counts = torch.histogram(found, torch.tensor(_BOUNDS).double()).hist
        shares = [f"{100 * share:7.1f}" for share in (counts / counts.sum()).tolist()]
        lines.append(f"{length:7}{real:6.1f}%" + "".join(f"{q:7}" for q in quantiles) + "".join(shares))
    return "\n".join(lines)


def main() -> None:
    """Read the command line, and print a table for each corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="*", default=["python-docs"], metavar="CORPUS")
    parser.add_argument("--lengths", nargs="+", type=int, default=[64, 512, 2048, 8192])
    parser.add_argument("--cache", type=Path, default=None)
    given = parser.parse_args()
    corpora = list(given.corpora)
    if len(sys.argv) == 1 and _TREEBANK.is_dir():
        corpora.append(str(_TREEBANK / "*.conllu"))
    with tempfile.TemporaryDirectory() as folder:
        for corpus in corpora:
            sys.stdout.write(table(corpus, tuple(given.lengths), given.cache or Path(folder)) + "\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
