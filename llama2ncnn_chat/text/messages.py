"""A conversation as ids for an engine that takes messages and tells no tokens: bytes, and marks.

Every message is its role's mark and its text in UTF-8; no text can make a mark. Knows no engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from .templates.marked import MarkedTemplate
from .tokenizers.file_vocabulary import FileVocabulary

Speaker = Literal["system", "user", "assistant"]

N_BYTES = 256
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
MARKS = {SYSTEM: N_BYTES, USER: N_BYTES + 1, ASSISTANT: N_BYTES + 2}
"""The id that stands before a message of each role."""

ROLES: dict[int, Speaker] = {
    MARKS[SYSTEM]: "system",
    MARKS[USER]: "user",
    MARKS[ASSISTANT]: "assistant",
}


class Message(NamedTuple):
    """What one of them says."""

    role: Speaker
    text: str


class _Bytes:
    """Implements ``TextEncoder``."""

    def encode(self, text: str, prefix: bool) -> list[int]:  # noqa: ARG002
        """Return its bytes."""
        return list(text.encode())


MESSAGE_IDS = FileVocabulary(
    [*(bytes([byte]) for byte in range(N_BYTES)), *[b""] * len(MARKS)],
    MARKS,
    _Bytes(),
    (),
    frozenset(),
    ids_are_tokens=False,
)
"""The one vocabulary of all engines that take messages, so that a session goes from one to another.

Neither it nor the template ever changes: stored sessions are made of it.
"""

MESSAGES = MarkedTemplate(
    "the engine's own",
    with_system=f"{SYSTEM}{{system}}{USER}{{user}}{ASSISTANT}",
    turn=f"{USER}{{user}}{ASSISTANT}",
    after_reply="",
    controls=tuple(MARKS),
)
"""Puts turns into messages; what the engine's template makes of them, it doesn't tell."""


def messages_of(ids: Iterable[int]) -> list[Message]:
    """Return the messages that ids say. An empty reply at their end is the one to be given.

    What stands before the first mark, as in a session that is damaged, is a message of the user's.
    """
    said: list[tuple[Speaker, bytearray]] = []
    for token in ids:
        if token in ROLES:
            said.append((ROLES[token], bytearray()))
        elif said:
            said[-1][1].append(token)
        else:
            said.append(("user", bytearray([token])))
    if said and said[-1][0] == "assistant" and not said[-1][1]:
        said.pop()
    return [Message(role, text.decode("utf-8", "replace")) for role, text in said]
