"""Big pieces of text that stand in the prompt as one word each, and are sent whole.

Knows text alone.
"""

from __future__ import annotations

from ..chat.slash import as_message

MAX_LINES, MAX_CHARACTERS = 10, 2000
"""What is no longer than this is shown as it is."""


class Pastes:
    """The folded texts of one prompt."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._folded = 0

    def fold(self, text: str) -> str:
        """What to show for a text that is pasted: itself, or a label."""
        lines = text.rstrip("\n").count("\n") + 1
        if lines <= MAX_LINES and len(text) <= MAX_CHARACTERS:
            return text
        size = f"+{lines} lines" if lines > 1 else f"+{len(text):,} characters"
        self._folded += 1
        return self.keep(f"Pasted text #{self._folded} {size}", text)

    def keep(self, name: str, text: str, after: str = "") -> str:
        """A label that stands, with what is ``after`` it, for a text; no other looks the same."""
        label = f"[{name}]{after}"
        while label in self._texts:
            name += "'"
            label = f"[{name}]{after}"
        self._texts[label] = text
        return label

    def unfold(self, line: str) -> str:
        """The line with every label's text in its place; a command is typed, never folded."""
        whole = line
        for label, text in self._texts.items():
            whole = whole.replace(label, text)
        return whole if line.startswith("/") else as_message(whole)
