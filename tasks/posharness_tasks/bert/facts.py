"""What a prepared corpus gives sequences of each length: real tokens, distances, and right guesses."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from posharness_tasks.bert.pairs import Negatives, draw_spans
from posharness_tasks.bert.stream import Stream

__all__ = ["SpanFacts", "measure_spans"]

_DRAWN = 2**15
"""Sequences that shares are counted in: the standard error of a half is .003."""


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """Shares of the sequences of one length that are drawn from one split.

    Attributes:
        real: tokens that are not padding.
        alone: sequences in which no sentence follows another one, so that their second part is random.
        majority: right answers of the better constant guess whether the second part follows the first.
    """

    real: float
    alone: float
    majority: float


def measure_spans(stream: Stream, length: int, negatives: Negatives) -> SpanFacts:
    """Draw sequences and count; the same ones each time."""
    spans = draw_spans(torch.Generator().manual_seed(0), _DRAWN, length, stream, negatives)
    wrong = float(spans.wrong.double().mean())
    return SpanFacts(
        real=float(spans.tokens.double().mean()) / length,
        alone=float(spans.alone.double().mean()),
        majority=max(wrong, 1 - wrong),
    )
