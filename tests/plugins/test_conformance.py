"""Everything that is registered keeps its contract; encodings and attentions in each of their forms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import jaxtyping
import pytest

from posharness.conformance import check
from posharness.contracts import PositionalEncoding
from posharness.registry.catalogue import Catalogue
from posharness.registry.facts import encoding_facts
from posharness.registry.parameters import Parameter, parameters
from posharness.registry.registry import Registry

REGISTRY = Registry.load()


def forms(catalogue: Catalogue[Any]) -> Iterator[Any]:
    """Each plugin as it is, then with each value of a parameter that has only a few."""
    for name, cls in catalogue.items():
        yield pytest.param(cls, {}, id=name)
        for parameter in parameters(cls).values():
            nested = parameter.annotation is PositionalEncoding
            for value in few(parameter):
                marks = pytest.mark.proofs if nested and value in ALIKE else ()
                yield pytest.param(
                    cls, {parameter.name: value}, id=f"{name}[{parameter.name}={value}]", marks=marks
                )


def few(parameter: Parameter) -> list[Any]:
    """The values of a switch or a choice besides the default, and every encoding that can be nested."""
    if parameter.annotation is PositionalEncoding:
        return [name for name in REGISTRY.encodings if name != parameter.default]
    return parameter.choices[1:]


def alike() -> Iterator[str]:
    """Encodings that only `pytest -m proofs` nests: another one has the same slots and declares the same."""
    seen = []
    for name, cls in REGISTRY.encodings.items():
        declared = (encoding_facts(cls, REGISTRY), cls.per, cls.bias_reads_input)
        if declared in seen:
            yield name
        seen.append(declared)


ALIKE = set(alike())


def test_everything_loads() -> None:
    assert REGISTRY.broken == ()


EXTRAS = {"ray": "ray", "slurm": "submitit"}
"""Executors that work only with a module of an extra."""


def needs(executor: str) -> pytest.MarkDecorator:
    """Skips an executor whose extra is not installed; `pytest -m cluster` has them at work."""
    module = EXTRAS.get(executor, "")
    return pytest.mark.skipif(bool(module) and find_spec(module) is None, reason=f"{module} is not installed")


@pytest.mark.parametrize(
    ("cls", "params"),
    [
        *forms(REGISTRY.encodings),
        *forms(REGISTRY.attentions),
        *(pytest.param(cls, {}, id=name) for name, cls in REGISTRY.tasks.items()),
        *(pytest.param(cls, {}, id=name) for name, cls in REGISTRY.sections.items()),
        *(pytest.param(cls, {}, id=f"reading-{name}") for name, cls in REGISTRY.readings.items()),
        *(
            pytest.param(cls, {}, id=f"executor-{name}", marks=needs(name))
            for name, cls in REGISTRY.executors.items()
        ),
        *(pytest.param(cls, {}, id=f"compiler-{name}") for name, cls in REGISTRY.compilers.items()),
    ],
)
def test_it_conforms(cls: type, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # Annotated shapes are checked at every call, for two fifths of the time: of each plugin as it is.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", bool(params))
    wrong = [finding for finding in check(cls, params, registry=REGISTRY) if finding.verdict == "fails"]
    assert [f"{finding.check}: {finding.why}" for finding in wrong] == []
