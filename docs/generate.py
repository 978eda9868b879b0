"""Fills the parts of the documentation that are made from the code: `python docs/generate.py`.

A page marks such a part by two comments, `<!-- made: NAME -->` and `<!-- end -->`; the function of
that name writes what is between them. The tests compare it with what the code gives today.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from posharness.cli.app import app
from posharness.contracts.cell import Budget, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.contracts.columns import columns_markdown
from posharness.experiment import Experiment, load_experiment, preset_names
from posharness.experiment.experiment import ReadingSettings, TaskSettings
from posharness.experiment.sizes import SIZES

ROOT = Path(__file__).parents[1]
SOURCES = (
    "harness/posharness",
    "plugins/posharness_plugins",
    "tasks/posharness_tasks",
    "reports/posharness_reports",
)
MARKED = re.compile(r"^(<!-- made: ([\w-]+) -->)$.*?^(<!-- end -->)$", re.MULTILINE | re.DOTALL)
ESCAPED = "\\["  # a bracket that is no markup of rich


def commands() -> str:
    """Every command with its arguments, options and examples, from typer."""
    group: Any = typer.main.get_command(app)
    every = dict(each_command(group))
    links = {name: f"#harness-{name.replace(' ', '-')}" for name in every}
    rows = [(f"[`{name}`]({links[name]})", plain(made.help)) for name, made in every.items()]
    sections = [part for name, made in every.items() for part in command(name, made)]
    return "\n\n".join([table(("command", "does"), rows), *sections])


def each_command(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The commands of a group and of the groups in it, by what is typed."""
    for name, made in group.commands.items():
        if hasattr(made, "commands"):
            yield from each_command(made, f"{before}{name} ")
        else:
            yield before + name, made


def command(name: str, made: Any) -> Iterator[str]:
    """The section of one command."""
    arguments = [p for p in made.params if p.param_type_name == "argument"]
    options = [p for p in made.params if p.param_type_name == "option" and p.name != "help" and not p.hidden]
    yield f"## harness {name}"
    yield plain(made.help)
    words = " ".join(str(argument.metavar or argument.name.upper()) for argument in arguments)
    yield f"```text\nharness {name} [OPTIONS] {words}".rstrip() + "\n```"
    if arguments:
        yield table(
            ("argument", "meaning", "default"),
            [(code(p.metavar), plain(p.help), default(p)) for p in arguments],
        )
    if options:
        yield table(("option", "meaning", "default"), [(flag(p), plain(p.help), default(p)) for p in options])
    if made.epilog:
        examples = made.epilog.replace("[bold]", "").replace("[/]", "").replace(ESCAPED, "[")
        yield f"```text\n{examples.strip()}\n```"


def flag(option: Any) -> str:
    """How an option is typed: its names, and what follows them."""
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    names = [code(name + value) for name in option.opts]
    return ", ".join([*names, *map(code, option.secondary_opts)])


def default(parameter: Any) -> str:
    """The default of a parameter, as its help shows it."""
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.required:
        return "required"
    value = parameter.default
    if parameter.param_type_name == "option" and parameter.is_flag:
        return "" if not value else code(parameter.opts[0])
    return "" if value is None or not parameter.show_default or callable(value) else code(value)


MODELS: Mapping[str, type[BaseModel]] = {
    "keys": Experiment,
    "keys-model": ModelSettings,
    "keys-budget": Budget,
    "keys-optimiser": OptimiserSettings,
    "keys-trainer": TrainerSettings,
    "keys-task": TaskSettings,
    "keys-reading": ReadingSettings,
}


def sizes() -> str:
    """The sizes by name."""
    head = ("size", "layers", "width", "heads", "feedforward")
    return table(head, [(code(name), *(str(size[key]) for key in head[1:])) for name, size in SIZES.items()])


def presets() -> str:
    """The experiments that ship with the program."""
    made = "made from the encodings and tasks"
    rows = [(code(name), load_experiment(preset=name).title or made) for name in preset_names()]
    return table(("name", "title of its report"), rows)


def keys(model: type[BaseModel]) -> str:
    """The fields of a model as a table. A field without a meaning is an error."""
    meanings = attributes(model)
    rows = []
    for name, info in model.model_fields.items():
        if name not in meanings:
            raise ValueError(f"{model.__name__}.{name} has no line under Attributes")
        rows.append((code(name), kind(info.annotation), shown(info.default), meanings[name]))
    return table(("key", "type", "default", "meaning"), rows)


def attributes(cls: type) -> Mapping[str, str]:
    """The `Attributes` of a class by name, from its docstring."""
    _, _, listed = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    listed = re.split(r"^(?=\S)", listed, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def kind(annotation: Any) -> str:
    """A type as readers of TOML know it."""
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{value}"`' for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    names = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    inner = get_args(annotation)
    if get_origin(annotation) is list:
        return f"list of {kind(inner[0]).replace('whole number', 'whole numbers').replace('text', 'texts')}"
    if get_origin(annotation) is dict:
        return "table"
    return " or ".join(kind(part) for part in inner if part is not type(None))


def shown(value: Any) -> str:
    """A default as TOML has it; nothing for a table of further keys."""
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel | dict):
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(f'"{value}"' if isinstance(value, str) else value)


def modules() -> str:
    """Every module with the first line of its docstring, folder by folder."""
    return "\n\n".join(part for source in SOURCES for part in folder(ROOT / source))


def folder(path: Path) -> Iterator[str]:
    """The sections of a folder and of those in it."""
    files = sorted(file for file in path.glob("*.py") if file.name not in ("__init__.py", "__main__.py"))
    yield f"## {path.relative_to(ROOT)}"
    if intro := summary(path / "__init__.py"):
        yield intro
    others = sorted(file for file in path.glob("*.toml"))
    lines = [f"- `{file.name}`: {summary(file)}" for file in files]
    lines += [f"- `{file.name}`" for file in others]
    if lines:
        yield "\n".join(lines)
    for inner in sorted(item for item in path.iterdir() if (item / "__init__.py").is_file()):
        yield from folder(inner)


def summary(file: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n")[0]


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(value: object) -> str:
    """A value as code. A bar, which would end a table's cell, is escaped so that all readers agree."""
    text = str(value)
    return f"<code>{escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def plain(text: str | None) -> str:
    """Help without the escapes of rich."""
    return " ".join((text or "").replace(ESCAPED, "[").split())


def keys_of(model: type[BaseModel]) -> Callable[[], str]:
    return lambda: keys(model)


def columns() -> str:
    """The columns of every frame."""
    return columns_markdown().replace("## ", "### ").strip()


PARTS: Mapping[str, Callable[[], str]] = {
    "columns": columns,
    "commands": commands,
    "modules": modules,
    "presets": presets,
    "sizes": sizes,
    **{name: keys_of(model) for name, model in MODELS.items()},
}
"""What can stand between two marks, by name."""


def filled(text: str) -> str:
    """A page with its marked parts made anew."""
    return MARKED.sub(lambda match: f"{match[1]}\n\n{PARTS[match[2]]()}\n\n{match[3]}", text)


def main() -> None:
    """Rewrite every page that has a marked part."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        before = page.read_text("utf-8")
        if (after := filled(before)) != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
