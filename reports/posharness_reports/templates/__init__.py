"""The templates of pages and of Markdown, and the functions that fill them.

The page reads its static figures with a script of its own (`address.js` to `view.js`), of 30 kB. A library
would draw them a second time: uPlot has 50 kB and draws on a canvas, which prints and scales badly and is
empty without JavaScript; Observable Plot has 280 kB with its part of D3, and Vega-Lite 800 kB with Vega,
which would also need a page that may run code made from text.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from posharness_reports.figures.theme import VARIABLES
from posharness_reports.formatting import escape_markdown, fraction, moment, show
from posharness_reports.templates.direction import isolate_in_html, isolate_in_markdown, isolate_in_xml

__all__ = ["fill_markdown", "fill_page"]

_MEDIA_TYPES = {".csv": "text/csv", ".pdf": "application/pdf", ".gz": "application/gzip"}


def fill_markdown(name: str, *, html: bool = False, **values: Any) -> bytes:
    """A Markdown file from a template, or, with `html`, one of XML."""
    text = _environment(html=html).get_template(name).render(**values)
    return (isolate_in_xml if html else isolate_in_markdown)(text).encode()


def fill_page(name: str, scripts: Sequence[Sequence[str]] = (), pictures: str = "", **values: Any) -> bytes:
    """An HTML page from a template, with our style and scripts and nothing from elsewhere.

    Args:
        scripts: the names of the scripts, which run in this order. Those of a group share a scope.
        pictures: from where the page may load pictures, as in its content policy; by default from itself.
    """
    script = '"use strict";\n' + "".join(f"{{\n{''.join(map(_read, group))}}}\n" for group in scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # The page loads nothing and runs no script but ours, whatever a label or the prose of a section contains.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src {pictures or 'data:'}; "
    policy += f"script-src 'sha256-{digest}'"
    template = _environment(html=True).get_template(name)
    page = template.render(policy=policy, style=Markup(_style()), script=Markup(script), **values)
    return isolate_in_html(page).encode()


def _style() -> str:
    light, dark = (
        "".join(f"--{name}:{colours[side]};" for name, colours in VARIABLES.items()) for side in (0, 1)
    )
    # A printed page is always light. On a screen, a reader's choice is above the system's.
    system = f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
    chosen = f"@media screen{{:root[data-theme=dark]{{{dark}}}}}"
    return f":root{{{light}}}\n{system}\n{chosen}\n{_read('style.css')}"


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
        "fraction": fraction,
        "md": escape_markdown,
        "show": show,
        "cell": _markdown_field,
        "download": _download,
        "block": _data_block,
    }
    return environment


def _download(content: bytes, name: str) -> Markup:
    """The attributes of a link that saves a file; a script unpacks what is smaller when packed."""
    packed = gzip.compress(content, mtime=0)
    if len(packed) < 0.7 * len(content):
        content, name = packed, f"{name}.gz"
    kind = _MEDIA_TYPES[PurePath(name).suffix]
    data = base64.b64encode(content).decode()
    return Markup(f'download="{escape(name)}" href="data:{kind};base64,{data}"')


def _data_block(value: Any) -> Markup:
    """JSON for a script element, which no text in it can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _markdown_field(text: str) -> str:
    return escape_markdown(text).replace("|", "\\|").replace("\n", " ")
