"""A plugin package as text: its files, filled in from the templates of a kind."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from string import Template

from posharness.errors import UserError
from posharness.registry.kinds import kind_called

__all__ = ["package"]

_SHARED = "package"
_SUFFIX = ".template"


def package(kind: str, name: str) -> dict[str, str]:
    """The files of a package for one plugin, by their path inside it.

    Args:
        name: what the plugin is called; the module is `posharness_` and this name.

    Raises:
        UserError: an unknown kind, or a name that cannot be a plugin's, a module's and a class's.
    """
    found_kind = kind_called(kind)
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name):
        raise UserError(
            f"The name {name!r} cannot be a plugin's: give lower-case letters and digits that begin with a "
            "letter, parted by '-' or '_', for example 'my-encoding'."
        )
    filled = {
        "name": name,
        "kind": found_kind.noun,
        "module": "posharness_" + name.replace("-", "_"),
        "cls": "".join(part.capitalize() for part in re.split("[-_]", name)),
    }
    found: dict[str, str] = {}
    for folder in (_SHARED, found_kind.template):
        for path, text in _templates(resources.files("posharness.scaffold") / "templates" / folder):
            if re.search(rf"\b{filled['cls']}\b", text):
                raise UserError(
                    f"The name {name!r} makes a class {filled['cls']}, which {path} uses for something else: "
                    "give another name."
                )
            found[path.replace("module", filled["module"])] = Template(text).substitute(filled)
    return found


def _templates(folder: Traversable, above: str = "") -> list[tuple[str, str]]:
    """Each template's path without its suffix, and its text."""
    found: list[tuple[str, str]] = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            found += _templates(item, f"{above}{item.name}/")
        elif item.name.endswith(_SUFFIX):
            found.append((above + item.name.removesuffix(_SUFFIX), item.read_text(encoding="utf-8")))
    return found
