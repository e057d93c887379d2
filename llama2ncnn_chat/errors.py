"""The one error family of the chat program: what is wrong, where, and what to do next.

Nothing here knows how an error is shown; ``cli`` is the one boundary that does.
"""

from __future__ import annotations


class ChatError(Exception):
    """Something a person can act on. ``exit_code`` is the process's."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message}; {hint}")
        self.message = message
        self.hint = hint


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM, SIGHUP); nothing may take it for a Ctrl+C."""


class UsageError(ChatError):
    """A flag or setting that can't be."""

    exit_code = 2


class ModelError(ChatError):
    """A model or tokenizer that is missing, broken or doesn't fit."""

    exit_code = 3


class PromptTooLongError(ChatError):
    """A prompt that doesn't fit the context; nothing has been fed."""

    exit_code = 4
