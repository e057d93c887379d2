"""The commands that read a text from a file, or copy one to the clipboard. Each yields outcomes.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from ...conversation.renderer import reserve
from ...errors import Advice, ChatError, PromptTooLongError, UsageError
from ...paths import is_there, path_of
from ...reading import read_text
from .. import turn_actions as actions
from ..chat import Chat
from ..outcomes import Attach, Copy, Outcome
from .arguments import count

T = TypeVar("T")


def read(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Add a file's text to the next message, if it fits or can be made to."""
    path, question = _path_and_rest(argument)
    text = _text_of(path)
    message = f"{text}\n\n{question}"
    _refuse_file(chat, path, message)
    if question:
        yield from actions.send(chat, message)
    else:
        yield Attach(str(path), text, chat.session.count(message))


def copy(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Copy a reply, or a block of code in the last one."""
    last = actions.last_reply(chat)
    word, _, rest = argument.partition(" ")
    if word == "code":
        blocks = actions.code_blocks(actions.answer_of(chat, last))
        if not blocks:
            raise ChatError("the last reply has no block of code")
        k = count(rest, len(blocks))
        yield Copy(_nth(blocks, k, "block of code"), f"block {k} of code")
        return
    n = count(argument, 1)
    replies = [t for t in reversed(chat.session.ledger.path()) if t.role == "assistant"]
    which = "the last reply" if n == 1 else f"the last reply but {n - 1}"
    yield Copy(actions.answer_of(chat, _nth(replies, n, "reply")), which)


def _refuse_file(chat: Chat, path: Path, message: str) -> None:
    """Raise ``PromptTooLongError`` if the message can't be sent, whichever turns go for it."""
    try:
        drops = actions.turns_to_drop(chat, message)
    except PromptTooLongError as e:
        raise PromptTooLongError(f"{path}: {e.message}", "read a shorter one") from e
    session = chat.session
    if drops and chat.settings.on_full == "stop":
        length = chat.view.context_length
        room = max(0, session.context().free - reserve(length))
        raise PromptTooLongError(
            f"{path} takes {session.count(message):,} tokens, and of the context of {length:,} "
            f"only {room:,} are free",
            Advice.MAKE_ROOM,
        )


def _nth(found: list[T], n: int, what: str) -> T:
    if n > len(found):
        raise ChatError(f"no {what} {n}: there are {len(found)}")
    return found[n - 1]


def _path_and_rest(argument: str) -> tuple[Path, str]:
    """Split into the file, quoted if its name has spaces, and what stands after it."""
    if not argument:
        raise UsageError("which file?", "/read FILE")
    whole = path_of(argument)
    if is_there(whole):
        return whole, ""
    quoted = re.match(r"""(["'])(.+?)\1(?:\s+|$)""", argument)
    name = quoted[2] if quoted else argument.split()[0]
    rest = argument[quoted.end() :] if quoted else argument[len(name) :]
    return path_of(name), rest.strip()


def _text_of(path: Path) -> str:
    try:
        text = read_text(path)
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not text in UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{path}: is not a text")
    if not text.strip():
        raise UsageError(f"{path}: is empty")
    return text.rstrip("\n")
