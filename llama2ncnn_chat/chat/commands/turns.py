"""The commands about messages and replies. Face-neutral: each yields outcomes.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from ...conversation.ledger import Turn
from ...conversation.renderer import first_that_fits, n_hidden, reserve
from ...errors import ChatError, PromptTooLongError, UsageError
from ...events import Events
from ..chat import Chat
from ..outcomes import Ask, Attach, Copy, Draft, Generate, Moved, Outcome, Say
from ..slash import as_message

MAX_FILE = 16 << 20


def send(chat: Chat, text: str, *, edits: Turn | None = None) -> Iterator[Outcome]:
    """A message of the person's."""
    start = partial(chat.edit, text, edits) if edits else partial(chat.send, text)
    yield from _generation(chat, start, text, back=Draft(as_message(text), edits), edits=edits)


def regen(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Another reply to the last message."""
    _last_message(chat)
    yield Generate(chat.regenerate)


def proceed(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Go on with the last reply; where there was no time to begin one, with a new one."""
    if chat.session.ledger.head is _last_message(chat):
        yield Generate(chat.regenerate)
        return
    yield from _generation(chat, chat.proceed, None, kind="continue")


def replay(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Generate the last reply again and compare."""
    reply = _last_reply(chat)
    if reply is not chat.session.ledger.head:
        raise ChatError("the last message has no reply yet", "/regen makes one")
    if not reply.runs:
        raise ChatError("how this reply was made isn't known: it comes from another model's tokens")
    yield Generate(lambda *, cancelled: chat.replay(cancelled=cancelled), "replay")


def edit(chat: Chat, text: str) -> Iterator[Outcome]:
    """Another text in place of the last message."""
    last = _last_message(chat)
    if text:
        yield from send(chat, text, edits=last)
    else:
        yield Draft(as_message(last.text), edits=last)


def undo(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Step back over messages and their replies."""
    _last_message(chat)
    undone = chat.session.undo(number(argument, 1))
    what = "message" if len(undone) == 1 else f"{len(undone)} messages"
    yield Moved(f"took back the last {what} (/redo brings it again): {brief(undone[-1].text)}")


def redo(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Take back undos."""
    done = chat.session.redo(number(argument, 1))
    if not done:
        raise ChatError("there is nothing to redo")
    yield Moved(f"{done} {'message is' if done == 1 else 'messages are'} back")


def previous(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """The alternative before."""
    yield from _walk(chat, -1)


def following(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """The alternative after."""
    yield from _walk(chat, 1)


def alternative(chat: Chat, argument: str) -> Iterator[Outcome]:
    """An alternative by its number, or how many there are."""
    turn, all_of_them = _alternatives(chat)
    if argument:
        yield from _choose(chat, all_of_them, number(argument, 1) - 1)
        return
    edited = len({message_of(each) for each in all_of_them}) > 1
    lines = []
    for i, each in enumerate(all_of_them, 1):
        about = f"{brief(message_of(each).text, 24)}  →  " if edited else ""
        about += brief(each.text, 30 if edited else 60) if each.role == "assistant" else ""
        lines.append(f"{'*' if each is turn else ' '} {i}  {about}")
    yield Say("\n".join(lines))


def read(chat: Chat, argument: str) -> Iterator[Outcome]:
    """A file's text into the next message, if it fits or can be made to."""
    path, question = _path_and_rest(argument)
    text = _text_of(path)
    message = f"{text}\n\n{question}"
    _refuse_file(chat, path, message)
    if question:
        yield from send(chat, message)
    else:
        yield Attach(str(path), text, chat.session.count(message))


def copy(chat: Chat, argument: str) -> Iterator[Outcome]:
    """A reply, or a block of code in the last one, to the clipboard."""
    _last_reply(chat)
    word, _, rest = argument.partition(" ")
    if word == "code":
        blocks = code_blocks(_last_reply(chat).text)
        if not blocks:
            raise ChatError("the last reply has no block of code")
        k = number(rest, len(blocks))
        yield Copy(_nth(blocks, k, "block of code"), f"block {k} of code")
        return
    n = number(argument, 1)
    replies = [t.text for t in reversed(chat.session.ledger.path()) if t.role == "assistant"]
    which = "the last reply" if n == 1 else f"the last reply but {n - 1}"
    yield Copy(_nth(replies, n, "reply"), which)


def turns_to_drop(chat: Chat, text: str | None, *, edits: Turn | None = None) -> int:
    """How many of the oldest turns have to go for a message (None: for the last reply to go on).

    Raises ``PromptTooLongError`` if it can't fit at all.
    """
    session = chat.session
    path = session.ledger.path()
    if text is not None:
        path = session.ledger.path(edits.parent if edits else session.end())
        path.append(Turn("user", text, session.renderer.message(text, first=not path)))
    length = session.engine.context_length
    first = first_that_fits(session.renderer, path, session.first_visible, length)
    return path.index(first) - n_hidden(path, session.first_visible) if first else 0


def code_blocks(text: str) -> list[str]:
    """The insides of fenced blocks; one that isn't closed goes to the end."""
    pattern = r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)"
    return [m[2] for m in re.finditer(pattern, text, re.MULTILINE | re.DOTALL)]


def message_of(turn: Turn) -> Turn:
    """The message that a reply answers, or the message itself."""
    return turn.parent if turn.role == "assistant" and turn.parent else turn


def number(text: str, default: int) -> int:
    """A number from one on. Raises ``UsageError``."""
    if not text.strip():
        return default
    if not text.strip().isdecimal() or int(text) < 1:
        raise UsageError(f"{text.strip()!r} is not a number from 1 on")
    return int(text)


def brief(text: str, width: int = 60) -> str:
    """One line of a text."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _generation(
    chat: Chat,
    start: Callable[..., Events],
    text: str | None,
    *,
    kind: Literal["reply", "continue"] = "reply",
    back: Draft | None = None,
    edits: Turn | None = None,
) -> Iterator[Outcome]:
    """With ``on_full ask`` the question comes first, if turns would have to go."""
    draft = text or ""
    if chat.session.on_full == "ask" and (n := turns_to_drop(chat, text, edits=edits)):
        turns = "turn" if n == 1 else f"{n} turns"
        yield Ask(
            f"The context is full. Let the model forget the oldest {turns}?",
            yes=(Generate(partial(start, drop=True), kind, draft, edits),),
            no=(back,) if back else (),
        )
    else:
        yield Generate(start, kind, draft, edits)


def _refuse_file(chat: Chat, path: Path, message: str) -> None:
    """Raise ``PromptTooLongError`` if the message could not be sent, whatever goes for it."""
    try:
        drops = turns_to_drop(chat, message)
    except PromptTooLongError as e:
        raise PromptTooLongError(f"{path}: {e.message}", "read a shorter one") from e
    session = chat.session
    if drops and session.on_full == "stop":
        length = session.engine.context_length
        room = max(0, session.context().free - reserve(length))
        raise PromptTooLongError(
            f"{path} takes {session.count(message):,} tokens, and of the context of {length:,} "
            f"only {room:,} are free",
            "/new, or /set on_full shift to drop the oldest turns",
        )


def _walk(chat: Chat, by: int) -> Iterator[Outcome]:
    turn, all_of_them = _alternatives(chat)
    yield from _choose(chat, all_of_them, all_of_them.index(turn) + by)


def _choose(chat: Chat, all_of_them: list[Turn], at: int) -> Iterator[Outcome]:
    if not 0 <= at < len(all_of_them):
        n = len(all_of_them)
        raise ChatError(f"there {'is 1 reply' if n == 1 else f'are {n} replies'} to this message")
    turn = all_of_them[at]
    chat.session.choose(turn)
    yield Moved(f"reply {at + 1} of {len(all_of_them)}", turn)


def _alternatives(chat: Chat) -> tuple[Turn, list[Turn]]:
    """The last reply among all to the last message, as it stands and as it was before an edit."""
    message, head = _last_message(chat), chat.session.ledger.head
    assert head
    turns = []
    for version in chat.session.ledger.alternatives(message):
        unanswered = version is head or not version.children
        turns += [*version.children, version] if unanswered else version.children
    return head, turns


def _last_reply(chat: Chat) -> Turn:
    reply = chat.session.ledger.last("assistant")
    if reply is None:
        raise ChatError("there is no reply yet", "say something first")
    return reply


def _last_message(chat: Chat) -> Turn:
    message = chat.session.ledger.last("user")
    if message is None:
        raise ChatError("there is no message yet", "say something first")
    return message


def _nth(texts: list[str], n: int, what: str) -> str:
    if n > len(texts):
        raise ChatError(f"no {what} {n}: there are {len(texts)}")
    return texts[n - 1]


def _path_and_rest(argument: str) -> tuple[Path, str]:
    """The file, quoted if its name has spaces, and what stands after it."""
    if not argument:
        raise UsageError("which file?", "/read FILE")
    whole = Path(argument).expanduser()
    if whole.exists():
        return whole, ""
    quoted = re.match(r"""(["'])(.+?)\1(?:\s+|$)""", argument)
    name = quoted[2] if quoted else argument.split()[0]
    rest = argument[quoted.end() :] if quoted else argument[len(name) :]
    return Path(name).expanduser(), rest.strip()


def _text_of(path: Path) -> str:
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "no such file"
            raise UsageError(f"{path}: {problem}")
        if (size := path.stat().st_size) > MAX_FILE:
            raise UsageError(f"{path}: {size:,} bytes is more than any context holds")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not text in UTF-8") from None
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e
    if "\0" in text:
        raise UsageError(f"{path}: is not a text")
    if not text.strip():
        raise UsageError(f"{path}: is empty")
    return text.rstrip("\n")
