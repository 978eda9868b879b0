"""A plugin's parameters: read from its constructor, checked by their annotations, written as JSON values."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from posharness.contracts.plain_values import check_plain
from posharness.errors import UserError, did_you_mean
from posharness.registry.selection import candidate_values

__all__ = ["Parameter", "annotation_name", "check", "parameters", "readable", "show_value"]

_LONGEST = 80
"""Characters of a value in a label."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword-only parameter of a plugin's constructor."""

    name: str
    annotation: Any
    default: Any

    @property
    def choices(self) -> list[Any]:
        """Its values, the default first, where there are only a few: of a switch or a `Literal`."""
        values: tuple[Any, ...] = (True, False) if self.annotation is bool else ()
        if typing.get_origin(self.annotation) is typing.Literal:
            values = typing.get_args(self.annotation)
        return sorted(values, key=lambda value: value != self.default)


def parameters(cls: type) -> dict[str, Parameter]:
    """The keyword-only parameters of a plugin class, by name.

    Raises:
        TypeError: one of them has no annotation or no default, or the constructor takes anything
            that cannot be named, so that a misspelt option would pass in silence.
    """
    found: dict[str, Parameter] = {}
    constructor = cls.__init__  # type: ignore[misc]
    if constructor is object.__init__:
        return found
    hints = typing.get_type_hints(constructor)
    for parameter in inspect.signature(constructor).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise TypeError(f"{cls.__name__}.__init__ takes *{parameter.name}: name its parameters instead")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if parameter.default is parameter.empty or parameter.name not in hints:
            raise TypeError(f"{cls.__name__}.__init__: {parameter.name!r} needs an annotation and a default")
        found[parameter.name] = Parameter(parameter.name, hints[parameter.name], parameter.default)
    return found


def check(owner: str, parameter: Parameter, given: Any) -> Any:
    """The value of a parameter as JSON holds it, from text or from a typed value.

    A single value is taken as a list of one where the annotation is a tuple or a list.

    Raises:
        UserError: the value does not fit the annotation.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(parameter.annotation)
    values = list(candidate_values(given)) if isinstance(given, str) else [given]
    try:
        check_plain(values[0])
    except ValueError as error:
        raise UserError(
            f"{owner}[{parameter.name}={_shortened(show_value(given))}]: {error}; {parameter.name} expects "
            f"{_in_words(parameter.annotation)}, for example {show_value(parameter.default)}."
        ) from None
    values += [[value] for value in values if not isinstance(value, list | tuple)]
    for value in values:
        try:
            typed = adapter.validate_python(value)
        except ValidationError:
            continue
        try:
            check_plain(adapter.dump_python(typed))  # a text such as nan may have become a number
        except ValueError:
            continue
        return json.loads(adapter.dump_json(typed))
    raise UserError(
        f"{owner}[{parameter.name}={_shortened(show_value(given))}]: {parameter.name} expects "
        f"{_in_words(parameter.annotation)}, for example {show_value(parameter.default)}."
    )


def build(cls: type, params: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments from the JSON values that `check` gave."""
    known = parameters(cls)
    return {
        name: TypeAdapter(known[name].annotation).validate_python(value) for name, value in params.items()
    }


def unknown(owner: str, given: str, known: Mapping[str, Parameter]) -> UserError:
    """The error for a parameter that does not exist."""
    end = did_you_mean(given, known) if known else "it takes none."
    return UserError(f"{owner} has no parameter {given!r}; {end}")


def annotation_name(annotation: Any) -> str:
    """An annotation as a reader would say it."""
    if typing.get_origin(annotation) is typing.Literal:
        return "one of " + ", ".join(show_value(value) for value in typing.get_args(annotation))
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("NoneType", "None")


def _in_words(annotation: Any) -> str:
    """What an annotation accepts, for readers who do not know Python."""
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        type(None): "none",
    }
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return " or ".join(words.get(member) or annotation_name(member) for member in members)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def readable(text: str) -> str:
    """A value in a label: without characters that cannot be seen, and an endless one by its beginning.

    Two different values stay different.
    """
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
    if len(seen) <= _LONGEST:
        return seen
    return f"{seen[: _LONGEST // 2]}…{sha256(text.encode(errors='replace')).hexdigest()[:8]}"


def show_value(value: Any) -> str:
    """A value as the user would type it inside the brackets."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "[" + ",".join(show_value(item) for item in value) + "]"
    return json.dumps(value) if isinstance(value, bool | int | float) or value is None else str(value)
