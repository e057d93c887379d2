"""Folds big pieces of text in the prompt into a label each, and unfolds them to be sent.

Knows text alone.
"""

from __future__ import annotations

from ..chat.line import Message, is_command
from ..generation.completer import common_prefix

MAX_LINES, MAX_CHARACTERS = 10, 2000
"""A pasted text that is no longer than this is shown as it is."""


class Pastes:
    """The folded texts of one prompt."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._folded = 0

    def fold(self, text: str) -> str:
        """Return what to show for a text that is pasted: itself, or a label."""
        if not is_big(text):
            return text
        lines = text.rstrip("\n").count("\n") + 1
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

        A message may begin with a slash only once it is unfolded.
        """
        if is_command(shown):
            return self.unfold(shown)
        return str(Message(self.unfold(shown.removeprefix("/"))))

    def pieces(self, shown: str) -> tuple[str, ...]:
        """Return the texts of all labels in the line that is shown, none of which was typed."""
        return tuple(whole for label, whole in self._texts.items() if label in shown)

    def shown(self, typed: str, *, folds: bool = True) -> str:
        """Return what to show for a line: what was folded in it before is folded as it was.

        What is still big then is folded as one if it ``folds``, but for a command, which has to be
        seen.
        """
        if is_command(typed) or not folds:
            return self._refold(typed)
        return str(Message(self.fold(self._refold(typed.removeprefix("/")))))

    def around(self, shown: str, start: int, end: int) -> tuple[int, int]:
        """Widen a range that is to be replaced, so that no label in it is cut.

        An empty one is where something is inserted: behind the label that it stands in.
        """
        for label in self._texts:
            at = shown.find(label)
            while at >= 0:
                after = at + len(label)
                if start == end and at < start < after:
                    return after, after
                if start < after and at < end:
                    start, end = min(start, at), max(end, after)
                at = shown.find(label, after)
        return start, end

    def mended(self, before: str, after: str) -> tuple[str, int] | None:
        """Return the text and its cursor to show instead of an edit that has cut a label.

        None if the edit has cut none.
        """
        if not self._texts:
            return None
        start = common_prefix(before, after)
        same = common_prefix(before[start:][::-1], after[start:][::-1])
        inserted = after[start : len(after) - same]
        changed = start, len(before) - same
        widened = self.around(before, *changed)
        if widened == changed or (inserted and changed[0] < changed[1]):  # another text altogether
            return None
        begin = before[: widened[0]] + inserted
        return begin + before[widened[1] :], len(begin)

    def _refold(self, text: str) -> str:
        for label, whole in self._texts.items():
            if is_big(whole):  # a short one may stand anywhere by chance
                text = text.replace(whole, label)
        return text


def is_big(text: str) -> bool:
    """Tell whether a text is too long to be shown as it is."""
    return text.rstrip("\n").count("\n") >= MAX_LINES or len(text) > MAX_CHARACTERS
