"""The templates, filled: the report's page, its Markdown, and the index of published reports."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from posharness_reports.figures.theme import VARIABLES
from posharness_reports.formatting import escape_markdown, moment

if TYPE_CHECKING:
    from posharness_reports.compile.section_files import RenderedSection

__all__ = ["index_page", "markdown_report", "report_page"]

_ROWS_SHOWN = 400
_ROWS_IN_MARKDOWN = 40
_KINDS = {"csv": "text/csv", "pdf": "application/pdf"}


def report_page(about: Mapping[str, Any], sections: Sequence[RenderedSection]) -> bytes:
    """report.html. `about` is what report.json holds."""
    return _page("report.html.j2", about=about, sections=sections, rows_shown=_ROWS_SHOWN)


def index_page(reports: Sequence[Mapping[str, Any]]) -> bytes:
    """The page that lists published reports, in the order given."""
    return _page("index.html.j2", reports=reports)


def markdown_report(about: Mapping[str, Any], sections: Sequence[RenderedSection]) -> bytes:
    """report.md, which shows the figures that lie beside it."""
    template = _environment(html=False).get_template("report.md.j2")
    return template.render(about=about, sections=sections, rows_shown=_ROWS_IN_MARKDOWN).encode()


def _page(name: str, **values: Any) -> bytes:
    script = _read("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Nothing is fetched, and no script runs but our own: whatever a label or a section's prose may hold.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    template = _environment(html=True).get_template(name)
    return template.render(policy=policy, style=Markup(_style()), script=Markup(script), **values).encode()


def _style() -> str:
    light, dark = (
        "".join(f"--{name}:{colours[side]};" for name, colours in VARIABLES.items()) for side in (0, 1)
    )
    # Paper is white, whatever the screen is.
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n" + _read(
        "style.css"
    )


def _read(name: str) -> str:
    return (files("posharness_reports") / "templates" / name).read_text(encoding="utf-8")


def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("posharness_reports"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "moment": moment,
        "md": escape_markdown,
        "cell": _markdown_field,
        "data": _data_uri,
    }
    return environment


def _data_uri(content: bytes, ending: str) -> Markup:
    return Markup(f"data:{_KINDS[ending]};base64,{base64.b64encode(content).decode()}")


def _markdown_field(text: str) -> str:
    return escape_markdown(text).replace("|", "\\|").replace("\n", " ")
