"""The chat program's errors: what is wrong, where, and what to do next.

Nothing here knows how an error is shown; the faces and ``cli`` do.
"""

from __future__ import annotations

from enum import Enum, auto


class Advice(Enum):
    """What a person may do next; ``chat.phrases`` knows by which command or flag."""

    MAKE_ROOM = auto()
    """Drop turns of the conversation, or let the oldest ones go by themselves."""
    LIST_SESSIONS = auto()
    """Look which sessions there are."""
    CHAT_UNSAVED = auto()
    """Chat without keeping sessions."""
    EXPORT = auto()
    """Write the conversation to a file of one's own."""
    START_SAVING = auto()
    """Sessions aren't kept: start the program so that they are."""
    BEGIN_ANOTHER = auto()
    """Begin another session."""
    NAME_TOKENIZER = auto()
    """Name the tokenizer file that belongs to the model."""
    LENGTHEN_CONTEXT = auto()
    """Open the model with a longer context."""
    SHORTEN_CONTEXT = auto()
    """Open the model with a shorter context."""
    KEEP_NO_CACHE = auto()
    """Keep no KV cache of sessions, and read again what stays when the context is full."""
    GO_ON_WITH_TEXT = auto()
    """The model may not be one to chat with: have it go on with a text, or choose its template."""
    OTHER_WEIGHTS = auto()
    """Convert the checkpoint again, with weights in another format."""
    DROP_SCHEMA = auto()
    """Let replies be any text again."""
    OPEN_MODEL = auto()
    """Open a model, in this chat."""
    MARK_PROMPT = auto()
    """What was taken for a model reads like a prompt: say that it is one."""
    NAME_KEY = auto()
    """Say where the key of an engine elsewhere is kept."""
    ALLOW_HTTP = auto()
    """Speak https with an engine elsewhere, or allow that others may read along."""
    GO_ON_LATER = auto()
    """The engine elsewhere broke off: once it answers again, go on with the reply."""


class ChatError(Exception):
    """Something a person can act on; ``hint`` says what to do next.

    ``exit_code`` is the process's.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | Advice = "") -> None:
        super().__init__(f"{message}; {hint}" if hint and isinstance(hint, str) else message)
        self.message = message
        self.hint = hint


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM, SIGHUP); nothing may handle it like a Ctrl+C."""


class UsageError(ChatError):
    """A flag or setting that can't be."""

    exit_code = 2


class ModelError(ChatError):
    """A model or tokenizer that is missing, broken or doesn't fit."""

    exit_code = 3


class EngineError(ChatError):
    """An engine elsewhere that isn't there, breaks off, or answers what it shouldn't."""

    exit_code = 5


class PromptTooLongError(ChatError):
    """A prompt that doesn't fit the context; nothing has been fed."""

    exit_code = 4
