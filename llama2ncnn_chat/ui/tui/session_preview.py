"""Shows how a session ends, or where in it the words are that were looked for.

Knows turns as something to read; neither the store nor which session it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content, Span
from textual.widgets import Static

from ...conversation.ledger import Turn
from ...storage.search import places_of
from ...text.reasoning import reasoning_and_answer

SHOWN_TURNS, SHOWN_CHARACTERS, SHOWN_BEFORE = 12, 600, 100
FOUND = "bold $text-accent underline"


class SessionPreview(VerticalScroll):
    """Scrolled to the end, or to the words."""

    def __init__(self) -> None:
        super().__init__(id="preview", can_focus=False)

    def compose(self) -> ComposeResult:
        yield Static()

    def say(self, text: str) -> None:
        """Show a line in place of a session."""
        self.query_one(Static).update(Content(text))

    def show(self, path: Sequence[Turn], search: str) -> None:
        """Show the turns of a path, those with the words if it has them."""
        texts = [_said(turn) for turn in path]
        places = [places_of(search, text) for text in texts]
        most = max(map(len, places), default=0)
        at = next((i for i in reversed(range(len(path))) if most and len(places[i]) == most), None)
        first = max(0, len(path) - SHOWN_TURNS if at is None else at - 1)
        lines: list[Content] = []
        found = None
        for i in range(first, min(len(path), first + SHOWN_TURNS)):
            drawn = self._turn(path[i], _shown(texts[i], places[i]))
            if i == at:
                found = len(lines) + next((n for n, line in enumerate(drawn) if _has(line)), 0)
            lines += drawn
        self.query_one(Static).update(Content("\n").join(lines))
        if found is None:
            self.scroll_end(animate=False)
        else:
            self.scroll_to(y=max(0, found - 2), animate=False)

    def _turn(self, turn: Turn, text: Content) -> list[Content]:
        colour = "$primary" if turn.role == "user" else "$foreground 15%"
        width = max(10, self.size.width - 3)
        return [Content.assemble(("▌ ", colour), x) for x in text.wrap(width)] + [Content("")]


def _said(turn: Turn) -> str:
    said = turn.text if turn.role == "user" else reasoning_and_answer(turn.text)[1]
    return said.strip()


def _shown(text: str, places: Sequence[tuple[int, int]]) -> Content:
    """Cut a text to the part that is shown, with what was found marked."""
    start = max(0, places[0][0] - SHOWN_BEFORE) if places else 0
    if start + SHOWN_CHARACTERS > len(text):
        start = max(0, len(text) - SHOWN_CHARACTERS) if places else 0
    part = text[start : start + SHOWN_CHARACTERS]
    spans = [Span(a - start, b - start, FOUND) for a, b in places if b - start <= len(part)]
    return Content(part, spans=spans)


def _has(line: Content) -> bool:
    return any(span.style == FOUND for span in line.spans)
