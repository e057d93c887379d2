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
from ...paths import files_of, is_there, path_of
from .. import turn_actions as actions
from ..chat import Chat
from ..mentions import named, read_files
from ..outcomes import Attach, Copy, Outcome
from .arguments import count

T = TypeVar("T")


def read(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Add the text of a file, or of several, to the next message, if it fits or can be made to."""
    paths, question = _paths_and_rest(argument)
    texts = read_files(paths)
    if len(texts) > 1:  # which is which?
        texts = named(paths, texts)
    message = "\n\n".join([*texts, question])
    _refuse_file(chat, str(paths[0]) if len(paths) == 1 else f"{len(paths)} files", message)
    if question:
        yield from actions.send(chat, message)
    else:
        for path, text in zip(paths, texts, strict=True):
            counted = chat.session.count(f"{text}\n\n") if chat.view.has_tokens else None
            yield Attach(str(path), text, counted)


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


def _refuse_file(chat: Chat, name: str, message: str) -> None:
    """Raise ``PromptTooLongError`` if the message can't be sent, whichever turns go for it."""
    try:
        drops = actions.turns_to_drop(chat, message)
    except PromptTooLongError as e:
        raise PromptTooLongError(f"{name}: {e.message}", "read less") from e
    session = chat.session
    if drops and chat.settings.on_full == "stop":
        length = session.context_length
        room = max(0, session.context().free - reserve(length))
        raise PromptTooLongError(
            f"{name}: this takes {session.count(message):,} tokens, and of the context of "
            f"{length:,} only {room:,} are free",
            Advice.MAKE_ROOM,
        )


def _nth(found: list[T], n: int, what: str) -> T:
    if n > len(found):
        raise ChatError(f"no {what} {n}: there are {len(found)}")
    return found[n - 1]


def _paths_and_rest(argument: str) -> tuple[list[Path], str]:
    """Split into the files, quoted if the name has spaces, and what stands after it."""
    if not argument:
        raise UsageError("which file?", "/read FILE")
    whole = path_of(argument)
    if is_there(whole):
        return [whole], ""
    quoted = re.match(r"""(["'])(.+?)\1(?:\s+|$)""", argument)
    name = quoted[2] if quoted else argument.split()[0]
    rest = argument[quoted.end() :] if quoted else argument[len(name) :]
    return files_of(name), rest.strip()
