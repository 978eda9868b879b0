"""What every plugin class declares: a name, aliases, a one-line summary and a citation."""

from __future__ import annotations

from typing import ClassVar, Literal

__all__ = ["Body", "Direction", "Named", "Slot"]

Body = Literal["encoder", "decoder", "encoder-decoder"]
Direction = Literal["bidirectional", "causal"]
Slot = Literal["positions", "embed", "rotate", "bias", "scores", "values"]


class Named:
    """The names and the description of a plugin class.

    Attributes:
        name: the name that the user types: lower case, unique among the plugins of its kind.
        aliases: other names for the same class.
        summary: one line for `harness list`.
        paper: the source, as "arXiv:NNNN.NNNNN" or a citation; empty for a plain baseline.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
