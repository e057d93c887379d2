"""Parses a reply's Markdown as Textual does, but that a new line in it is a new line on the screen.

Else a poem or a list of a small model, which writes no Markdown, would run together.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore


def parser() -> MarkdownIt:
    """Return Textual's own parser, with that one change."""
    markdown = MarkdownIt("gfm-like")
    markdown.core.ruler.push("break_lines", _break_lines)
    return markdown


def _break_lines(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
