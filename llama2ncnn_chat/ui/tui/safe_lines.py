"""Takes out of all that Textual draws what would command the terminal, as its lines are made.

Knows segments of a line, and neither widgets nor what they show.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from convert.streams import printable


class SafeLines(LineFilter):
    """A filter of lines; what it takes out has no width."""

    def apply(self, segments: list[Segment], _background: Color) -> list[Segment]:
        """Return the segments with printable text; Textual's own sequences aren't in them."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [segment._replace(text=printable(segment.text)) for segment in segments]
