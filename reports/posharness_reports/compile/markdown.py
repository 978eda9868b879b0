"""Markdown to HTML without anything that a browser would run or load."""

from __future__ import annotations

import markdown

__all__ = ["to_html"]


def to_html(prose: str) -> str:
    """HTML with paragraphs, lists, emphasis, code and links; raw HTML becomes text, images are dropped."""
    converter = markdown.Markdown(extensions=["sane_lists"], output_format="html")
    converter.preprocessors.deregister("html_block")
    for pattern in ("html", "image_link", "image_reference", "short_image_ref"):
        converter.inlinePatterns.deregister(pattern)
    return converter.convert(prose)
