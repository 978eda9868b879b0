"""Words from right to left are isolated in texts, and everything else stays as it is."""

from __future__ import annotations

import pytest

from posharness_reports.templates.direction import isolate_in_html, isolate_in_markdown, isolate_in_xml

ARABIC, TWO, HEBREW = "ترميز", "ترميز نسبي", "קידוד[בסיס=10000]"


@pytest.mark.parametrize(
    ("text", "isolated"),
    [
        (f"<p>{ARABIC} 0.98 [0.97, 0.99].</p>", f"<p><bdi>{ARABIC}</bdi> 0.98 [0.97, 0.99].</p>"),
        (f"<p>{TWO}, {HEBREW}: 3 of 4</p>", f"<p><bdi>{TWO}</bdi>, <bdi>{HEBREW}</bdi>: 3 of 4</p>"),
        (f"<p>(0.3 with {ARABIC})</p>", f"<p>(0.3 with <bdi>{ARABIC}</bdi>)</p>"),
        (f"<p>a&amp;{ARABIC}&amp;; b</p>", f"<p><bdi>a&amp;{ARABIC}&amp;</bdi>; b</p>"),
        (f"<p>({ARABIC}) &lt;{ARABIC}</p>", f"<p>(<bdi>{ARABIC}</bdi>) <bdi>&lt;{ARABIC}</bdi></p>"),
    ],
)
def test_labels_in_sentences_are_isolated(text: str, isolated: str) -> None:
    assert isolate_in_html(text) == isolated
    assert isolate_in_xml(text) == isolated.replace("<bdi>", "\u2068").replace("</bdi>", "\u2069")


@pytest.mark.parametrize(
    "text",
    [
        f'<td data-label="{ARABIC} 1">1</td>',
        f"<script>{ARABIC} 1</script>",
        f"<title>{ARABIC} 1</title>",
        f"<svg><text>{ARABIC}</text><text>1</text></svg>",
        f"<bdi>{ARABIC}</bdi> 1",
        "<p>relative 0.98, größer − Ωμέγα 中文 1</p>",
    ],
)
def test_attributes_scripts_figures_and_other_texts_stay(text: str) -> None:
    assert isolate_in_html(text) == text


def test_markdown_is_isolated_except_in_code_and_tables() -> None:
    text = f"**{ARABIC}** 0.9, `{ARABIC} 1`\n\n| {ARABIC} | 1 |\n\n```\n{ARABIC} 2\n```\n\n- {HEBREW} 3"
    found = isolate_in_markdown(text)
    assert found.replace("\u2068", "").replace("\u2069", "") == text
    assert found.count("\u2068") == found.count("\u2069") == 2
    assert f"**\u2068{ARABIC}\u2069** 0.9" in found
    assert f"- \u2068{HEBREW}\u2069 3" in found
