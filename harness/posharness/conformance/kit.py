"""The conformance kit: every check of a plugin's kind, run on that plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from posharness.conformance.finding import Finding, examine
from posharness.conformance.suites import Subjects, Suite, suite_of
from posharness.contracts import Attention, Claim, PositionalEncoding, ReportSection, Task
from posharness.contracts.plugin import Named
from posharness.defaults import cache_root
from posharness.errors import UserError
from posharness.registry.catalogue import Source
from posharness.registry.kinds import Kind, kind_of
from posharness.registry.registry import Registry

__all__ = [
    "assert_conforms",
    "check",
    "check_attention",
    "check_claim",
    "check_encoding",
    "check_section",
    "check_task",
]

_NONE: Mapping[str, Any] = MappingProxyType({})


def assert_conforms(plugin: type[Named], **params: Any) -> None:
    """For a test: fails with every check that does not hold.

    Args:
        plugin: a class of any kind.
        params: parameters of its constructor; else their defaults.

    Raises:
        AssertionError: some check fails; each is named with what is wrong.

    Example:
        >>> def test_my_encoding(): assert_conforms(MyEncoding, rate=0.2)  # doctest: +SKIP
    """
    wrong = [finding for finding in check(plugin, params) if finding.verdict == "fails"]
    if wrong:
        lines = "\n".join(f"  {finding.check}: {finding.why}" for finding in wrong)
        raise AssertionError(f"{plugin.name} does not conform:\n{lines}")


def check_encoding(
    encoding: type[PositionalEncoding], params: Mapping[str, Any] = _NONE, *, registry: Registry | None = None
) -> list[Finding]:
    """Run every check of encodings, in each direction that this one is defined for; see `check`."""
    return list(check(encoding, params, registry=registry))


def check_attention(
    attention: type[Attention], params: Mapping[str, Any] = _NONE, *, registry: Registry | None = None
) -> list[Finding]:
    """Run every check of attentions, in each direction that this one is defined for; see `check`."""
    return list(check(attention, params, registry=registry))


def check_task(
    task: type[Task],
    params: Mapping[str, Any] = _NONE,
    *,
    registry: Registry | None = None,
    cache: Path | None = None,
) -> list[Finding]:
    """Run every check of tasks, in each body that this one runs with; see `check`."""
    return list(check(task, params, registry=registry, cache=cache))


def check_section(section: type[ReportSection]) -> list[Finding]:
    """Run every check of report sections, on small frames; see `check`."""
    return list(check(section))


def check_claim(claim: type[Claim]) -> list[Finding]:
    """Run every check of claims, on small frames; see `check`."""
    return list(check(claim))


def check(
    plugin: type[Named],
    params: Mapping[str, Any] = _NONE,
    *,
    registry: Registry | None = None,
    cache: Path | None = None,
    begin: Callable[[str], None] = lambda _: None,
) -> Iterator[Finding]:
    """The findings of a plugin of any kind, one after the other.

    Args:
        params: parameters of its constructor, as text or values; else their defaults.
        registry: where the default parts of a model and nested encodings are found; by default,
            what is installed. The plugin itself need not be in it.
        cache: where a task prepares its data; by default, where `harness run` does.
        begin: called with the name of each check before it runs.

    Raises:
        UserError: a class of no kind, or a parameter that the plugin does not have.
    """
    suite = suite_of(_kind_of(plugin))
    found = _subjects(suite, plugin, params, registry or Registry.load(), cache or cache_root())
    if isinstance(found, str):
        first, *others = suite.checks
        # A plugin may refuse some of its parameters everywhere, but not its defaults.
        yield Finding(first.name, "not applicable" if params else "fails", found)
        for other in others:
            yield Finding(other.name, "not applicable", f"cannot be checked before {first.name!r} holds")
    else:
        with suite.around():
            yield from examine(suite.checks, found, begin)


def _kind_of(plugin: type[Named]) -> Kind:
    try:
        return kind_of(plugin)
    except TypeError as error:
        raise UserError(f"It cannot be checked: {error}") from None


def _subjects(
    suite: Suite, plugin: type[Named], params: Mapping[str, Any], registry: Registry, cache: Path
) -> Subjects | str:
    """What the checks are run on; or why there is nothing."""
    try:
        with_it = registry.with_plugin(plugin, Source("checked", "", plugin.__module__))
    except UserError as fault:
        return str(fault)
    try:
        return suite.subjects(with_it, plugin, params, cache)
    except UserError as error:
        if params:
            raise
        return f"its defaults do not fit: {error}"
