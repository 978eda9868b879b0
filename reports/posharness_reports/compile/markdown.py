"""Markdown prose to HTML, with nothing in it that a browser would run or fetch."""

from __future__ import annotations

import markdown

__all__ = ["to_html"]


def to_html(prose: str) -> str:
    """Paragraphs, lists, emphasis, code and links; raw HTML shows as text, and images are left out."""
    converter = markdown.Markdown(extensions=["sane_lists"], output_format="html")
    converter.preprocessors.deregister("html_block")
    for pattern in ("html", "image_link", "image_reference", "short_image_ref"):
        converter.inlinePatterns.deregister(pattern)
    return converter.convert(prose)
