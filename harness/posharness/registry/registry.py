"""The registry: the plugin classes by kind and name, and what a choice of one builds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from posharness.contracts import (
    Attention,
    Body,
    Claim,
    Compiler,
    Executor,
    Geometry,
    PositionalEncoding,
    Reading,
    ReportSection,
    Task,
)
from posharness.contracts.cell import CORPUS, Choice
from posharness.contracts.plugin import Named
from posharness.defaults import default_workers
from posharness.errors import UserError
from posharness.registry import kinds
from posharness.registry.catalogue import Broken, Catalogue, Names, Source
from posharness.registry.discovery import discover
from posharness.registry.kinds import Kind, kind_of
from posharness.registry.parameters import Parameter, build, check, parameters, readable, show_value, unknown
from posharness.registry.plugin_code import plugin_code
from posharness.registry.process_copy import check_constructor
from posharness.registry.selection import Selection, parse, parse_all
from posharness.registry.source.digest import SourceDigests

__all__ = ["Registry"]

N = TypeVar("N", bound=Named)


@dataclass(frozen=True)
class Registry:
    """Every class that plugs in, by kind and name.

    Attributes:
        catalogues: a catalogue for each kind, by its plural.
        broken: plugins that could not be loaded; fatal only when one of them is selected.
        plugin_paths: the single-file plugins among them, as given.
        digests: of the source of each class.
    """

    catalogues: Mapping[str, Catalogue[Any]]
    broken: tuple[Broken, ...]
    plugin_paths: tuple[Path, ...] = ()
    digests: SourceDigests = field(default_factory=SourceDigests)

    @classmethod
    def load(cls, plugin_paths: Sequence[Path] = ()) -> Registry:
        """Find plugins: the built-in ones, installed ones (entry-point group `posharness`), single files.

        Raises:
            UserError: a plugin path that is no file, or a file that offers nothing.
        """
        found = discover(plugin_paths)
        offered = {kind.plural: found.offered[kind.hook] for kind in kinds.KINDS}
        catalogues = _catalogues(offered, found.broken)
        return cls(catalogues, tuple(found.broken), tuple(plugin_paths), SourceDigests(found.offered_by))

    def with_plugin(self, plugin: type[Any], source: Source) -> Registry:
        """The same registry with one more class, in place of those of its name.

        Raises:
            UserError: the class breaks the contract of its kind.
        """
        own = kind_of(plugin)
        offered = {
            kind.plural: [
                (entry.source, entry.plugin)
                for entry in self.catalogues[kind.plural].entries
                if kind != own or entry.plugin.name != getattr(plugin, "name", None)
            ]
            for kind in kinds.KINDS
        }
        offered[own.plural].append((source, plugin))
        broken: list[Broken] = []
        catalogues = _catalogues(offered, broken)
        if broken:
            raise UserError(broken[0].reason)
        return replace(self, catalogues=catalogues)

    def catalogue(self, kind: Kind) -> Catalogue[Any]:
        """The catalogue of a kind."""
        return self.catalogues[kind.plural]

    @property
    def encodings(self) -> Catalogue[PositionalEncoding]:
        """Positional encodings."""
        return self.catalogues["encodings"]

    @property
    def attentions(self) -> Catalogue[Attention]:
        """Attention mechanisms."""
        return self.catalogues["attentions"]

    @property
    def tasks(self) -> Catalogue[Task]:
        """Tasks."""
        return self.catalogues["tasks"]

    @property
    def readings(self) -> Catalogue[Reading]:
        """Readings of pretrained models."""
        return self.catalogues["readings"]

    @property
    def sections(self) -> Catalogue[ReportSection]:
        """Sections of every report."""
        return self.catalogues["sections"]

    @property
    def claims(self) -> Catalogue[Claim]:
        """Claims that every report judges."""
        return self.catalogues["claims"]

    @property
    def executors(self) -> Catalogue[Executor]:
        """Executors, which run cells."""
        return self.catalogues["executors"]

    @property
    def compilers(self) -> Catalogue[Compiler]:
        """Compilers, which write reports."""
        return self.catalogues["compilers"]

    def select(self, catalogue: Catalogue[Any], selection: Selection) -> Choice:
        """Resolve one selection to a choice: aliases, defaults, nested encodings, the source's digest.

        Raises:
            UserError: an unknown name or parameter, or a value that does not fit.
        """
        cls = catalogue.find(selection.name)
        return self.choose(cls, selection.params)

    def choose(self, cls: type[Any], given: Mapping[str, Any]) -> Choice:
        """The choice of a class with some of its parameters given, as text or as values.

        Its label calls a text by the name of its file or folder alone.
        """
        params, label = self.settings(cls, given)
        return Choice(name=cls.name, params=params, digest=self.digests.digest(cls), label=label)

    def class_of(self, catalogue: Catalogue[N], choice: Choice) -> type[N]:
        """The class of a choice: of two plugins with its name, the one with its digest."""
        return catalogue.chosen(choice.name, lambda cls: self.digests.digest(cls) == choice.digest)

    def settings(self, cls: type[Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Every parameter of a class as JSON values, and the label."""
        known = self.parameters(cls)
        for name in given:
            if name not in known:
                raise unknown(cls.name, name, known)
        params: dict[str, Any] = {}
        shown: list[str] = []
        for name, parameter in known.items():
            if parameter.annotation is PositionalEncoding:
                value: Any = self._nested(cls.name, name, given.get(name, parameter.default))
                default: Any = self._nested(cls.name, name, parameter.default)
                text = value.label
            else:
                default = check(cls.name, parameter, parameter.default)
                value = check(cls.name, parameter, given[name]) if name in given else default
                text = show_value(value)
            if name == CORPUS and isinstance(value, str) and Path(value).exists():
                text = Path(value).name or text  # the place of a text is not its identity
            params[name] = value
            if value != default:
                shown.append(f"{name}={readable(text)}")
        label = self._name_of(cls) + (f"[{','.join(shown)}]" if shown else "")
        return params, label

    def parameters(self, cls: type[Any]) -> dict[str, Parameter]:
        """The parameters of a class that the user may set."""
        own = kind_of(cls)
        return {n: p for n, p in parameters(cls).items() if n not in own.set_by_harness}

    def _name_of(self, cls: type[Any]) -> str:
        return self.catalogue(kind_of(cls)).name_of(cls)

    def _nested(self, owner: str, name: str, given: Any) -> Choice:
        if isinstance(given, Choice):
            return given
        selections = parse(given)
        if len(selections) != 1:
            raise UserError(
                f"{owner}[{name}={given}]: a grid is not possible inside a parameter of another plugin."
            )
        return self.select(self.encodings, selections[0])

    def encoding(self, choice: Choice, geometry: Geometry) -> PositionalEncoding:
        """Build an encoding; a nested choice becomes an instance for its `nested_geometry`.

        Raises:
            Incompatible: it cannot work in this geometry.
        """
        cls = self.class_of(self.encodings, choice)
        plain = build(cls, {n: value for n, value in choice.params.items() if not isinstance(value, Choice)})
        nested = {n: value for n, value in choice.params.items() if isinstance(value, Choice)}
        if nested:
            place = cls.nested_geometry(geometry, plain)
            plain.update((name, self.encoding(value, place)) for name, value in nested.items())
        with plugin_code():
            return cls(geometry, **plain)

    def attention(self, choice: Choice, geometry: Geometry) -> Attention:
        """Build an attention.

        Raises:
            Incompatible: it cannot work in this geometry.
        """
        cls = self.class_of(self.attentions, choice)
        with plugin_code():
            return cls(geometry, **build(cls, choice.params))

    def task(self, choice: Choice, body: Body) -> Task:
        """Build a task, not yet prepared.

        Raises:
            Incompatible: its parameters do not go together.
        """
        cls = self.class_of(self.tasks, choice)
        with plugin_code():
            return cls(body, **build(cls, choice.params))

    def reading(self, choice: Choice) -> Reading:
        """Build a reading, not yet prepared."""
        cls = self.class_of(self.readings, choice)
        with plugin_code():
            return cls(**build(cls, choice.params))

    def executor(self, text: str, *, workers: int | None, timeout: float | None) -> Executor:
        """Build the executor that `--executor` selects.

        Args:
            workers: None for as many as this machine has cores, and for no limit where cells run elsewhere.

        Raises:
            UserError: an unknown name or parameter, a value that does not fit, or more than one executor; or
                its constructor fails.
        """
        cls, params, _ = self._one(self.executors, text)
        with _construction(self.executors.kind, text):
            most = workers or (sys.maxsize if cls.elsewhere else default_workers())
            make = partial(cls, workers=most, timeout=timeout, **build(cls, params))
            return _construct(self.executors, cls, text, make)

    def compiler(self, text: str) -> tuple[Compiler, str]:
        """Build the compiler that `--compiler` selects, and give its label.

        Raises:
            UserError: an unknown name or parameter, a value that does not fit, or more than one compiler; or
                its constructor fails.
        """
        cls, params, label = self._one(self.compilers, text)
        with _construction(self.compilers.kind, text):
            return _construct(self.compilers, cls, text, partial(cls, **build(cls, params))), label

    def _one(self, catalogue: Catalogue[N], text: str) -> tuple[type[N], dict[str, Any], str]:
        """The class that a text selects, its parameters and its label."""
        selections = parse_all([text])
        if len(selections) != 1:
            kind = catalogue.kind
            raise UserError(
                f"{kind.option} {text!r} selects {len(selections)} {kind.plural}; give one {kind.noun}."
            )
        cls = catalogue.find(selections[0].name)
        return cls, *self.settings(cls, selections[0].params)


@contextmanager
def _construction(kind: Kind, text: str) -> Iterator[None]:
    """Run the constructor of a plugin; whatever it raises becomes one sentence, with its cause attached."""
    try:
        with plugin_code():
            yield
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"{kind.option} {text}: the {kind.noun} cannot be built: {type(error).__name__}: {reason}."
        ) from error


def _construct(catalogue: Catalogue[N], cls: type[N], text: str, make: Callable[[], N]) -> N:
    """What a constructor makes. One of others runs in a copy of this process first: it may hang or end it."""
    source = catalogue.source_of(cls)
    if source is None or not source.is_ours:
        check_constructor(f"{catalogue.kind.option} {text}", catalogue.kind.noun, make)
    return make()


def _catalogues(
    offered: Mapping[str, Sequence[tuple[Source, Any]]], broken: list[Broken]
) -> dict[str, Catalogue[Any]]:
    """A catalogue for each kind; kinds of one namespace share their names."""
    shared: dict[str, Names] = {}
    return {
        kind.plural: Catalogue(
            kind,
            offered[kind.plural],
            broken,
            shared.setdefault(kind.namespace or kind.plural, Names()),
        )
        for kind in kinds.KINDS
    }
