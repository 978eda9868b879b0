"""What differs between two reports: a compiler finds it, the command line prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Change", "Comparison"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that differs between two reports.

    Attributes:
        what: what differs, such as "relative on copy: score".
        one, other: its value in each of the reports, as text; "–" where there is none.
        beyond_noise: whether the difference is larger than that between runs explains. True for what has no
            noise, such as a setting; None where it could not be tested.
        difference: the second value minus the first; None for what is no number.
        p: that there is no difference, corrected for all that are compared; None where it is not tested.
        why: why it could not be tested, as a clause: "one seed in the first".
    """

    what: str
    one: str
    other: str
    beyond_noise: bool | None = True
    difference: float | None = None
    p: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two reports.

    Attributes:
        names: what the reports are called.
        ran: differences in what was run.
        numbers: numbers that differ, those beyond noise first, then those that could not be tested.
        ranks: labels whose ranks differ.
        verdicts: contrasts of claims whose verdicts differ.
        compared: how many numbers, ranks and verdicts both reports have.
        notes: sentences about each of these: over what they were compared, what could not be, and why.
        page: all of it as an HTML page that needs no network.
    """

    names: tuple[str, str]
    ran: tuple[Change, ...]
    numbers: tuple[Change, ...]
    ranks: tuple[Change, ...]
    verdicts: tuple[Change, ...]
    compared: Mapping[str, int]
    notes: Mapping[str, tuple[str, ...]]
    page: bytes

    @property
    def same(self) -> bool:
        """Whether nothing differs, in what could be compared."""
        return not (self.ran or self.numbers or self.ranks or self.verdicts)
