"""Which queries a layer computes, and in which pieces: no score is computed that nothing reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts import Attention

__all__ = ["Needed", "Piece", "Queries", "chunk_size", "in_pieces", "narrowed", "needed"]

_FEW = 0.75
"""Queries are computed apart where they are at most this share of the tokens: it takes copies."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Queries that are computed together, and the keys that they read.

    Attributes:
        queries: from which to which of the layer's queries.
        keys: the number of keys, from the first.
    """

    queries: slice
    keys: int


@dataclass(frozen=True, slots=True)
class Queries:
    """The queries of one layer.

    Attributes:
        pieces: all queries, in order.
        at: the tokens that are queries, ascending; None for all of them.
        rows: for each sequence, the queries whose states are computed; None for all of them.
    """

    pieces: Sequence[Piece]
    at: Int[Tensor, " q"] | None = None
    rows: Int[Tensor, "b m"] | None = None

    def states(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b m width"]:
        """Of the states of all tokens, those that go on after attention."""
        return self.outputs(x if self.at is None else x.index_select(1, self.at))

    def outputs(self, x: Float[Tensor, "b q width"]) -> Float[Tensor, "b m width"]:
        """Of the outputs of all queries, those that go on after attention."""
        if self.rows is None:
            return x
        b, m = self.rows.shape
        first = torch.arange(0, b * x.shape[1], x.shape[1], device=x.device)[:, None]
        return x.flatten(0, 1).index_select(0, (self.rows + first).flatten()).view(b, m, -1)


@dataclass(frozen=True, slots=True)
class Needed:
    """The states that are read of a stack's last layer. The choice depends on the batch alone.

    Attributes:
        tokens: for each sequence its positions, ascending, up to the most that any sequence has.
        real: False on what fills the rows of the other sequences.
        union: the positions of all sequences together, ascending.
    """

    tokens: Int[Tensor, "b m"]
    real: Bool[Tensor, "b m"]
    union: Int[Tensor, " u"]

    @property
    def shared(self) -> bool:
        """Whether all sequences have the same positions."""
        return self.tokens.shape[1] == len(self.union) and bool(self.real.all())

    def picked(self, states: Float[Tensor, "b m width"]) -> Float[Tensor, "all width"]:
        """The states that are read, in the order of sequences and positions."""
        return states.flatten(0, 1).index_select(0, self.real.flatten().nonzero().squeeze(1))


def needed(read: Bool[Tensor, "b n"]) -> Needed | None:
    """The states at positions where `read` is True; None where a sequence needs all of them, or none does."""
    counts = read.sum(1)
    most = int(counts.max())
    if most in (0, read.shape[1]):
        return None
    order = read.byte().argsort(dim=1, descending=True, stable=True)[:, :most]  # b m
    real = torch.arange(most, device=read.device) < counts[:, None]
    union = read.any(0).nonzero().squeeze(1)
    return Needed(order.where(real, union[0]), real, union)


def in_pieces(n: int, *, causal: bool, chunk: int, at: Int[Tensor, " q"] | None = None) -> Queries:
    """Queries among n tokens.

    Args:
        causal: whether a query sees no token after itself.
        chunk: number of queries in a piece of a causal layer; 0 for all.
        at: as in `Queries`.
    """
    own = range(n) if at is None else at.tolist()
    size = chunk if causal and chunk else len(own)
    slices = [slice(start, min(start + size, len(own))) for start in range(0, len(own), size)]
    return Queries([Piece(part, own[part.stop - 1] + 1 if causal else n) for part in slices], at)


def narrowed(
    every: Queries, n: int, needed: Needed, attention: Attention, *, causal: bool, chunk: int
) -> Queries:
    """The queries of a layer of whose states only some are needed.

    Args:
        every: all tokens as queries.
        n: the number of tokens.
    """
    at, rows = needed.union, needed.tokens
    if attention.queries == "last":
        at = torch.arange(int(at[0]), int(at[-1]) + 1 if causal else n, device=at.device)
    if attention.queries == "all" or len(at) > _FEW * n:
        return replace(every, rows=rows)
    some = in_pieces(n, causal=causal, chunk=chunk, at=at)
    if needed.shared and len(at) == len(needed.union):
        return some
    return replace(some, rows=torch.searchsorted(at, rows))


def chunk_size(n: int, setting: int | Literal["auto"], device: torch.device) -> int:
    """The number of queries in a piece of a causal layer with n tokens; 0 for all."""
    if setting != "auto":
        return setting
    # Measured on CPUs. An accelerator is kept busy by all queries at once; there chunks were not measured.
    if device.type != "cpu" or n < 256:
        return 0
    return 64 if n < 1024 else 128
