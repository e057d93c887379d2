"""How a reply's Markdown is read: as CommonMark, but a new line is a new line.

A poem or a list of a small model, which knows no Markdown, would run together else.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore


def parser() -> MarkdownIt:
    """Textual's own parser, with that one change."""
    markdown = MarkdownIt("gfm-like")
    markdown.core.ruler.push("break_lines", _break_lines)
    return markdown


def _break_lines(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
