"""Actions on messages and replies, the same for a key and for a command; each yields outcomes.

An older turn is first made the path's end; what came after it stays beside, so nothing is lost.
Knows no face.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Literal

from ..conversation.beginning import exchange, reworded
from ..conversation.ledger import Turn
from ..conversation.rows import n_hidden
from ..errors import ChatError, PromptTooLongError
from ..events import Events, Row
from . import phrases
from .chat import Chat
from .outcomes import Ask, Complain, Copy, Draft, Generate, Moved, Outcome
from .view import turn_of

_BLOCK = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)

Action = Literal["copy", "copy_code", "regenerate", "edit", "proceed", "previous", "next"]


def act(chat: Chat, action: Action, row: Row) -> Iterator[Outcome]:
    """Do something about the turn of a row; yields a complaint where that can't be done."""
    try:
        yield from _ACTIONS[action](chat, row)
    except ChatError as e:
        yield Complain(phrases.sentence(e))


def branch(chat: Chat, reply: Row, at: int, token: int) -> Iterator[Outcome]:
    """Generate another reply that has this token at that place."""
    if chat.read_only:
        yield Complain("this session is only read here; a message makes a copy to work in")
        return
    yield from _step_back(chat, turn_of(chat.session, reply.id))
    yield Generate(partial(chat.branch, reply.id, at, token))


def weigh(chat: Chat, reply: Row) -> Iterator[Outcome]:
    """Find what the model thought of each token of a reply, and of those after it."""
    yield Generate(partial(chat.session.weigh, turn_of(chat.session, reply.id)), "weigh")


def send(
    chat: Chat, text: str, *, edits: int | None = None, draft: str | None = None
) -> Iterator[Outcome]:
    """Send a message; it replaces the turn (by its id) that it ``edits``, if any.

    What replaces a reply is gone on with. Asks before, if the oldest turns have to go and that is
    to be asked. ``draft`` is what was typed for it, if that is another text.
    """
    draft = text if draft is None else draft
    edited = None if edits is None else turn_of(chat.session, edits)
    if edited and edited.role == "assistant" and edited.text.strip() == text.strip():
        raise ChatError("the reply is as it was", "/continue goes on with it")
    if edits is None:
        start: Callable[..., Events] = partial(chat.send, text)
    else:
        start = partial(chat.edit, text, edits)
    n_dropped = _turns_to_ask_about(chat, text, edits)
    if n_dropped:
        generate = Generate(partial(start, drop=True), draft=draft, edits=edits)
        yield _ask(n_dropped, generate, (Draft(draft, edits),))
    else:
        yield Generate(start, draft=draft, edits=edits)


def regenerate(chat: Chat) -> Iterator[Outcome]:
    """Generate another reply to the last message."""
    last_message(chat)
    yield Generate(chat.regenerate)


def proceed(chat: Chat) -> Iterator[Outcome]:
    """Go on with the last reply; where there was no time to begin one, with a new one."""
    if chat.session.ledger.head is last_message(chat):
        yield Generate(chat.regenerate)
    elif asked := _ask_to_go_on(chat):
        yield asked
    else:
        yield Generate(chat.proceed, "proceed")


def go_on_if_full(chat: Chat) -> Iterator[Outcome]:
    """Ask whether the oldest turns may go where the last reply has filled the context.

    Nothing, where that isn't to be asked.
    """
    reply = chat.session.ledger.head
    if reply is None or reply.finish != "length" or reply.max_tokens_reached is not None:
        return
    with suppress(PromptTooLongError):  # a reply as long as the context: nothing can go
        if asked := _ask_to_go_on(chat):
            yield asked


def edit(turn: Turn) -> Draft:
    """Return a message or a reply as a draft for the prompt; what is sent then replaces it.

    A reply's reasoning is in it, with its tags: all that the model goes on from.
    """
    return Draft(turn.text.strip(), turn.id)


def turns_to_drop(chat: Chat, text: str | None, edits: int | None = None) -> int:
    """Count the oldest turns that have to go for a message (None: for the last reply to go on).

    Raises ``PromptTooLongError`` if it can't fit at all.
    """
    session = chat.session
    path = session.sight(session.ledger.head)
    if text is not None:
        replaced = turn_of(session, edits) if edits is not None else None
        after = replaced.parent if replaced else session.ledger.end()
        path = session.sight(after)
        if replaced and replaced.role == "assistant":
            path = [*path, reworded(replaced, text, session.renderer, path)]
        else:
            path += exchange(session.renderer, path, text, chat.next_reply.words)
    first = session.first_that_fits(path)
    return first.depth - n_hidden(path, session.first_visible) if first else 0


def last_reply(chat: Chat) -> Turn:
    """Find the last reply. Raises ``ChatError``."""
    reply = chat.session.ledger.last("assistant")
    if reply is None:
        raise ChatError("there is no reply yet", "say something first")
    return reply


def last_message(chat: Chat) -> Turn:
    """Find the last message. Raises ``ChatError``."""
    message = chat.session.ledger.last("user")
    if message is None:
        raise ChatError("there is no message yet", "say something first")
    return message


def answer_of(chat: Chat, reply: Turn) -> str:
    """Return what a reply says without its reasoning. Raises ``ChatError`` if that is all of it."""
    answer = chat.session.renderer.reasoning.answer(reply.text)
    if reply.text.strip() and not answer.strip():
        raise ChatError("there is nothing but reasoning in it yet", "/export writes that too")
    return answer


def message_of(turn: Turn) -> Turn:
    """Return the message that a reply answers, or the message itself."""
    return turn.parent if turn.role == "assistant" and turn.parent else turn


def code_blocks(text: str) -> list[str]:
    """Return the insides of fenced blocks; one that isn't closed goes to the end."""
    return [block[2] for block in _BLOCK.finditer(text)]


def number_of_block(text: str, line: int) -> int | None:
    """Return which of the ``code_blocks`` begins in a line (the first is 0), from 1 on."""
    for number, block in enumerate(_BLOCK.finditer(text), 1):
        if text.count("\n", 0, block.start()) == line:
            return number
    return None


def _regenerate(chat: Chat, row: Row) -> Iterator[Outcome]:
    yield from _step_back(chat, turn_of(chat.session, row.id))
    yield from regenerate(chat)


def _proceed(chat: Chat, row: Row) -> Iterator[Outcome]:
    yield from _step_back(chat, turn_of(chat.session, row.id))
    yield from proceed(chat)


def _edit(chat: Chat, row: Row) -> Iterator[Outcome]:
    yield edit(turn_of(chat.session, row.id))


def _copy(chat: Chat, row: Row) -> Iterator[Outcome]:
    if row.role == "user":
        yield Copy(row.text.strip(), "the message")
    else:
        yield Copy(answer_of(chat, turn_of(chat.session, row.id)).strip(), "the reply")


def _copy_code(chat: Chat, row: Row) -> Iterator[Outcome]:
    turn = turn_of(chat.session, row.id)
    blocks = code_blocks(row.text if row.role == "user" else answer_of(chat, turn))
    if not blocks:
        raise ChatError("there is no block of code in it")
    yield Copy(blocks[-1], "the code" if len(blocks) == 1 else f"block {len(blocks)} of code")


def _walk(by: int, chat: Chat, row: Row) -> Iterator[Outcome]:
    ledger, turn = chat.session.ledger, turn_of(chat.session, row.id)
    if len(ledger.alternatives(turn)) == 1 and turn.role == "user":  # then its replies are meant
        turn = ledger.after(turn) or turn
    alternatives = ledger.alternatives(turn)
    at = alternatives.index(turn) + by
    if not 0 <= at < len(alternatives):
        raise ChatError("there is no other one", "r makes another reply")
    chat.session.walk_to(alternatives[at])
    yield Moved(f"{at + 1} of {len(alternatives)}", alternatives[at].id)


def _step_back(chat: Chat, turn: Turn) -> Iterator[Outcome]:
    path = chat.session.ledger.path()
    if n := sum(1 for each in path[path.index(turn) + 1 :] if each.role == "user"):
        chat.session.undo(n)
        yield Moved("what came after is kept beside (left and right bring it back)")


def _turns_to_ask_about(chat: Chat, text: str | None, edits: int | None) -> int:
    return turns_to_drop(chat, text, edits) if chat.settings.on_full == "ask" else 0


def _ask_to_go_on(chat: Chat) -> Ask | None:
    """Ask before the last reply goes on at the cost of the oldest turns; None if it needn't be."""
    n_dropped = _turns_to_ask_about(chat, None, None)
    if not n_dropped:
        return None
    return _ask(n_dropped, Generate(partial(chat.proceed, drop=True), "proceed"), ())


def _ask(n_dropped: int, generate: Generate, otherwise: tuple[Outcome, ...]) -> Ask:
    question = f"The context is full. Let the model forget {phrases.oldest(n_dropped)}?"
    return Ask(question, (generate,), otherwise)


_ACTIONS: dict[Action, Callable[[Chat, Row], Iterator[Outcome]]] = {
    "copy": _copy,
    "copy_code": _copy_code,
    "regenerate": _regenerate,
    "edit": _edit,
    "proceed": _proceed,
    "previous": partial(_walk, -1),
    "next": partial(_walk, 1),
}
