"""Splits a reply for a stream of lines while it comes: its reasoning, a gap, and what it says.

Knows text alone; how either is shown, a face knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..events import Row
from ..text.reasoning import Part, ReasoningFilter

GAP = "\n\n"


class ReplyParts:
    """One reply, from where ``row`` has it. Reasoning loses white space at its ends, and its tags.

    A reply without any reasoning comes out as it is.
    """

    def __init__(self, row: Row) -> None:
        self._filter = ReasoningFilter(begun=row.reasoning_begun)
        self._thought = self._said = False  # whether any of it has been shown
        self._spaces = ""  # of the reasoning, until more of it comes
        self.feed(row.text)

    def feed(self, text: str) -> list[Part]:
        """Return what to show of more text."""
        return list(self._tidy(self._filter.feed(text)))

    def flush(self) -> list[Part]:
        """Return what is left when no more text comes."""
        return list(self._tidy(self._filter.flush()))

    def _tidy(self, parts: Iterable[Part]) -> Iterator[Part]:
        for text, is_reasoning in parts:
            shown = self._reasoning(text) if is_reasoning else self._answer(text)
            if shown:
                yield Part(shown, is_reasoning)

    def _reasoning(self, text: str) -> str:
        text = self._spaces + text
        shown = (text if self._thought else text.lstrip()).rstrip()
        self._spaces = text[len(text.rstrip()) :]
        self._thought |= bool(shown)
        return shown

    def _answer(self, text: str) -> str:
        if self._said or not self._filter.found:
            self._said = True
            return text
        shown = text.lstrip()
        self._said = bool(shown)
        return GAP + shown if shown and self._thought else shown
