"""No positional encoding: the baseline for all others."""

from __future__ import annotations

from posharness.contracts import PositionalEncoding


class NoEncoding(PositionalEncoding):
    """Changes nothing: s_ij = q_i·k_j/√d.

    A causal body can still count the keys that it sees (2203.16634, 2305.19466); a bidirectional one reads a
    bag of tokens.
    """

    name = "none"
    aliases = ("nope",)
    summary = "No positional encoding (NoPE)"
    paper = "arXiv:2305.19466"
    per = "model"
    shift_invariant = True
    order_aware = False
