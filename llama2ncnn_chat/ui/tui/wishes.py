"""What a reader wants done about a turn, as outcomes of the command table's kind.

Knows the chat and no widget. An older turn's wish first steps back to it; nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...chat.chat import Chat
from ...chat.commands.table import interpret
from ...chat.commands.turns import code_blocks
from ...chat.outcomes import Complain, Copy, Generate, Moved, Outcome
from ...conversation.ledger import Turn
from ...errors import ChatError
from .transcript import Wish

AS_COMMANDS: dict[Wish, str] = {"regenerate": "/regen", "proceed": "/continue"}


def fulfil(chat: Chat, wish: Wish, turn: Turn) -> Iterator[Outcome]:
    """The outcomes of a wish; what can't be is a complaint among them."""
    try:
        if wish in AS_COMMANDS:
            yield from _step_back(chat, turn)
            yield from interpret(chat, AS_COMMANDS[wish])
        elif wish == "copy":
            yield Copy(turn.text.strip(), "the message" if turn.role == "user" else "the reply")
        elif wish == "copy_code":
            yield _code(turn)
        elif wish in ("previous", "next"):
            yield from _walk(chat, turn, 1 if wish == "next" else -1)
    except ChatError as e:
        yield Complain(str(e))


def go_on_from(chat: Chat, reply: Turn, at: int, token: int) -> Iterator[Outcome]:
    """Another reply that has this token at that place."""
    if chat.read_only:
        yield Complain("this session is only read here; a message makes a copy to work in")
    else:
        yield from _step_back(chat, reply)
        yield Generate(partial(chat.branch, reply, at, token))


def _step_back(chat: Chat, turn: Turn) -> Iterator[Outcome]:
    path = chat.session.ledger.path()
    if n := sum(1 for each in path[path.index(turn) + 1 :] if each.role == "user"):
        chat.session.undo(n)
        yield Moved("what came after is kept beside (left and right bring it back)")


def _walk(chat: Chat, turn: Turn, step: int) -> Iterator[Outcome]:
    ledger = chat.session.ledger
    if len(ledger.alternatives(turn)) == 1 and turn.role == "user":  # then its replies are meant
        turn = ledger.after(turn) or turn
    alternatives = ledger.alternatives(turn)
    at = alternatives.index(turn) + step
    if not 0 <= at < len(alternatives):
        raise ChatError("there is no other one", "r makes another reply")
    chat.session.choose(alternatives[at])
    yield Moved(f"{at + 1} of {len(alternatives)}", alternatives[at])


def _code(turn: Turn) -> Copy:
    blocks = code_blocks(turn.text)
    if not blocks:
        raise ChatError("there is no block of code in it")
    return Copy(blocks[-1], "the code" if len(blocks) == 1 else f"block {len(blocks)} of code")
