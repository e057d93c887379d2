"""Keys in the one form that Textual's parser understands, and what else is heard of a terminal.

Knows keys as values; reads no terminal.
"""

from __future__ import annotations

from textual.message import Message

from ..keyboard import Key


class InputFailed(Message):
    """No more keys will come: reading them has failed."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure
        super().__init__()


class BackgroundTold(Message):
    """The terminal has answered how bright its background is, 0 to 1."""

    def __init__(self, brightness: float) -> None:
        self.brightness = brightness
        super().__init__()


def extended_form(key: Key) -> str:
    """Return a key in the form of kitty's protocol that Textual reads."""
    modifiers = str(key.modifiers + 1) if key.modifiers else ""
    text = ":".join(str(ord(sign)) for sign in key.text)
    return f"\x1b[{key.code};{modifiers};{text}".rstrip(";") + "u"
