"""Parses what was typed, once: into a command for the program, or a message for the model.

Knows text alone; ``commands`` knows which commands there are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """Text for the model; the pieces of it in ``verbatim`` were pasted or read, and not typed."""

    text: str
    verbatim: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what has to be typed to send it."""
        return f"/{self.text}" if self.text.startswith("/") else self.text


@dataclass(frozen=True)
class Command:
    """A slash command: its name as it was typed, and all that stood after it."""

    name: str
    argument: str = ""

    def __str__(self) -> str:
        """Return what has to be typed to run it."""
        return f"/{self.name} {self.argument}".rstrip()


Line = Command | Message


def parse(typed: str, verbatim: tuple[str, ...] = ()) -> Line:
    """Parse a line: one slash begins a command, two a message that begins with one.

    The pieces of it in ``verbatim`` weren't typed.
    """
    text = typed.strip()
    if is_command(text):
        name, *rest = text[1:].split(maxsplit=1) or [""]
        return Command(name, rest[0] if rest else "")
    return Message(text.removeprefix("/"), verbatim)


def begun(typed: str, verbatim: tuple[str, ...] = ()) -> Message:
    """Return the message that is being typed, as far as it goes; of a command, an empty one.

    White space at its end stays: the word before is whole.
    """
    text = typed.lstrip()
    return Message("" if is_command(text) else text.removeprefix("/"), verbatim)


def is_command(typed: str) -> bool:
    """Tell whether what is being typed is for the program, as far as it goes."""
    return typed.startswith("/") and not typed.startswith("//")
