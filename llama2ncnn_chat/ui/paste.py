"""Big pieces of text that stand in the prompt as one word each, and are sent whole.

Knows text alone.
"""

from __future__ import annotations

MAX_LINES, MAX_CHARACTERS = 10, 2000
"""What is no longer than this is shown as it is."""


class Pastes:
    """The folded texts of one prompt."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """What to show for a text that is pasted: itself, or a label."""
        lines = text.count("\n") + 1
        if lines <= MAX_LINES and len(text) <= MAX_CHARACTERS:
            return text
        size = f"+{lines} lines" if lines > 1 else f"+{len(text):,} characters"
        return self.keep(f"Pasted text #{len(self._texts) + 1} {size}", text)

    def keep(self, label: str, text: str) -> str:
        """A label that stands for a text; nothing else may look the same."""
        label = f"[{label}]"
        while label in self._texts:
            label = f"{label[:-1]}']"
        self._texts[label] = text
        return label

    def unfold(self, text: str) -> str:
        """The text with every label's text in its place."""
        for label, whole in self._texts.items():
            text = text.replace(label, whole)
        return text
