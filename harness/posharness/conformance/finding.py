"""What a check is, what it finds, and how a list of checks is run on a plugin."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

__all__ = ["Check", "Finding", "Verdict", "examine", "raised"]

Verdict = Literal["holds", "fails", "not applicable"]
S = TypeVar("S")


def _always(_: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        why: what is wrong, or why the check does not apply; empty where it holds.
        traceback: of what the plugin raised, if it raised.
    """

    check: str
    verdict: Verdict
    why: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Check(Generic[S]):
    """One thing that a contract asks for.

    Attributes:
        run: subject -> what is wrong with it; "" when nothing is. What it raises is wrong too.
        applies: subject -> why the check does not apply to it; "" where it does.
        gate: whether the checks after it are not run before it holds.
    """

    name: str
    run: Callable[[S], str]
    applies: Callable[[S], str] = _always
    gate: bool = False


def examine(
    checks: Sequence[Check[S]], subjects: Mapping[str, S], begin: Callable[[str], None] = lambda _: None
) -> Iterator[Finding]:
    """Run each check on each subject, and give one finding for each check.

    Args:
        subjects: the same plugin in each place that it declares, by the name of the place.
        begin: called with the name of each check before it runs.
    """
    closed = ""
    for check in checks:
        begin(check.name)
        if closed:
            yield Finding(check.name, "not applicable", f"cannot be checked before {closed!r} holds")
            continue
        finding = _merge(check.name, {place: _try(check, subject) for place, subject in subjects.items()})
        if check.gate and finding.verdict == "fails":
            closed = check.name
        yield finding


def raised(error: BaseException) -> str:
    """What was raised and where, on one line."""
    message = " ".join(str(error).split())[:160]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename.rpartition('/')[2]}, line {frames[-1].lineno})" if frames else ""
    return f"raises {type(error).__name__}{f': {message}' if message else ''}{where}"


def _try(check: Check[S], subject: S) -> Finding:
    try:
        if reason := check.applies(subject):
            return Finding(check.name, "not applicable", reason)
        wrong = check.run(subject)
    except Exception as error:  # noqa: BLE001
        # Other people's code: whatever it raises is what was found, and is kept.
        return Finding(check.name, "fails", raised(error), traceback.format_exc())
    return Finding(check.name, "fails" if wrong else "holds", wrong)


def _merge(name: str, found: Mapping[str, Finding]) -> Finding:
    """One finding of several places: it fails where one fails, and applies where one applies."""
    for verdict in ("fails", "holds"):
        places = {place: finding for place, finding in found.items() if finding.verdict == verdict}
        if places:
            break
    else:
        places = dict(found)
    first = next(iter(places.values()))
    everywhere = len(places) == len(found) and len({finding.why for finding in places.values()}) == 1
    why = first.why if everywhere or not first.why else f"{next(iter(places))}: {first.why}"
    return Finding(name, first.verdict, why, first.traceback)
