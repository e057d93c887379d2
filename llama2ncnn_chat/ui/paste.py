"""Folds big pieces of text in the prompt into a label each, and unfolds them to be sent.

Knows text alone.
"""

from __future__ import annotations

from ..chat.line import Message, is_command

MAX_LINES, MAX_CHARACTERS = 10, 2000
"""A pasted text that is no longer than this is shown as it is."""


class Pastes:
    """The folded texts of one prompt."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._folded = 0

    def fold(self, text: str) -> str:
        """Return what to show for a text that is pasted: itself, or a label."""
        lines = text.rstrip("\n").count("\n") + 1
        if lines <= MAX_LINES and len(text) <= MAX_CHARACTERS:
            return text
        size = f"+{lines} lines" if lines > 1 else f"+{len(text):,} characters"
        self._folded += 1
        return self.fold_as(f"Pasted text #{self._folded} {size}", text)

    def fold_as(self, name: str, text: str, after: str = "") -> str:
        """Return a label with that name, and ``after`` behind it, which stands for a text.

        No two labels look the same.
        """
        label = f"[{name}]{after}"
        while label in self._texts:
            name += "'"
            label = f"[{name}]{after}"
        self._texts[label] = text
        return label

    def unfold(self, text: str) -> str:
        """Return the text with every label's text in its place."""
        for label, whole in self._texts.items():
            text = text.replace(label, whole)
        return text

    def whole(self, shown: str) -> str:
        """Return what would have to be typed for the line that is shown, with its texts in full.

        A command is never folded; a message may begin with a slash only once it is unfolded.
        """
        return shown if is_command(shown) else str(Message(self.unfold(shown.removeprefix("/"))))
