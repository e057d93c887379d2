"""Styles Markdown while it streams: what was written is never drawn again.

Every character of the text stays in it, marks too, so what is copied from the screen is what the
model wrote. Knows text and styles, but no terminal and no events.
"""

from __future__ import annotations

import re
from typing import Literal

from convert.streams import Styled, printable, styled

from ..terminal import DIM

BOLD, CODE, HEADING = "\x1b[1m", "\x1b[36m", "\x1b[1;35m"
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MAYBE_FENCE = re.compile(r" {0,3}(`*|~*)\Z")
_HEADING = re.compile(r" {0,3}#{1,6} ")
_MAYBE_HEADING = re.compile(r" {0,3}#{0,6}\Z")
_MARKS = re.compile(r"\*\*|`")

Inline = Literal["", "bold", "code"]


class MarkdownStyler:
    """Styles one text; ``flush`` at its end. Without ``colour`` nothing is changed.

    Held back is only what can't be styled yet: the first characters of a line that may be a fence
    or a heading, and an asterisk that may be one of two.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._held = ""
        self._line_start = True
        self._fence = ""  # the mark that opened a code block, while in one
        self._inline: Inline = ""
        self._style = ""  # of the whole line

    @property
    def in_code(self) -> bool:
        """Whether it is in a block of code, whose lines are not to be broken."""
        return bool(self._fence)

    def feed(self, text: str) -> Styled:
        """Return the text that is certain now, with its styles; each piece ends without one."""
        text = printable(text)
        if not self._colour:
            return Styled(text)
        text, self._held = self._held + text, ""
        out = ""
        while text:
            line, newline, rest = text.partition("\n")
            out += self._piece(line, whole=bool(newline))
            if not newline:
                break
            out += self._end_line()
            text = rest
        return Styled(out)

    def flush(self) -> Styled:
        """Return what was held back, with its style, at the end of the text."""
        held, self._held = self._held, ""
        return Styled(self._styled(held))

    def _piece(self, line: str, *, whole: bool) -> str:
        if self._line_start and line:
            if not whole and (_MAYBE_FENCE.match(line) or _MAYBE_HEADING.match(line)):
                self._held = line
                return ""
            self._begin_line(line)
        if self._style or self._fence:
            return self._styled(line)
        return self._inline_styled(line, whole=whole)

    def _begin_line(self, line: str) -> None:
        self._line_start = False
        fence = _FENCE.match(line)
        if fence and (not self._fence or fence[1].startswith(self._fence)):
            self._fence, self._style = "" if self._fence else fence[1], DIM
        elif not self._fence and _HEADING.match(line):
            self._style = HEADING

    def _end_line(self) -> str:
        self._line_start, self._style, self._inline = True, "", ""
        return "\n"

    def _inline_styled(self, line: str, *, whole: bool) -> str:
        out, at = "", 0
        while mark := _MARKS.search(line, at):
            if mark[0] == "**" and self._inline != "bold" and not whole and mark.end() == len(line):
                break  # it opens only before a letter
            out += self._styled(line[at : mark.start()])
            out += self._mark(mark[0], line[mark.end() : mark.end() + 1])
            at = mark.end()
        rest = line[at:]
        if not whole and rest.endswith("*"):
            stem = rest.rstrip("*")
            out, rest, self._held = out + self._styled(stem), "", rest[len(stem) :]
            self._held_mid_line()
            return out
        return out + self._styled(rest)

    def _held_mid_line(self) -> None:
        self._line_start = False

    def _mark(self, mark: str, following: str) -> str:
        kind: Inline = "bold" if mark == "**" else "code"
        if self._inline == kind:
            styled = self._styled(mark)
            self._inline = ""
            return styled
        if self._inline or (kind == "bold" and not following.strip()):
            return self._styled(mark)
        self._inline = kind
        return self._styled(mark)

    def _styled(self, text: str) -> str:
        style = self._style or (
            CODE if self._fence else {"bold": BOLD, "code": CODE, "": ""}[self._inline]
        )
        return styled(style, text) if style and text else text
