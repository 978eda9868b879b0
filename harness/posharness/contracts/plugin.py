"""What every plugin class shares: a name, aliases, a one-line summary and its source."""

from __future__ import annotations

from typing import ClassVar, Literal

__all__ = ["Body", "Direction", "Named", "Slot"]

Body = Literal["encoder", "decoder", "encoder-decoder"]
Direction = Literal["bidirectional", "causal"]
Slot = Literal["positions", "embed", "rotate", "bias", "scores", "values"]


class Named:
    """The names under which a plugin class is found.

    Attributes:
        name: what the user types; lower case, unique among plugins of its kind.
        aliases: other names for the same class.
        summary: one line for `harness list`.
        paper: where it is defined, as "arXiv:NNNN.NNNNN" or a citation; empty for a plain baseline.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
