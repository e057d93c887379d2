"""The commands about messages and replies. Each yields outcomes.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...conversation.ledger import Turn
from ...errors import ChatError
from .. import turn_actions as actions
from ..chat import Chat
from ..outcomes import Done, Generate, Moved, Outcome, Say, ShowTokens
from ..phrases import NO_TOKENS, begins, brief
from .arguments import EMPTY, count


def regen(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Generate another reply to the last message."""
    yield from actions.regenerate(chat)


def proceed(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Go on with the last reply; where there was no time to begin one, with a new one."""
    yield from actions.proceed(chat)


def replay(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Generate the last reply again and say whether it is the same."""
    reply = _reply_at_the_end(chat)
    if not reply.runs and chat.view.has_tokens:
        raise ChatError("how this reply was made isn't known: it comes from another model's tokens")
    yield Generate(chat.replay, "replay")


def tokens(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Show how likely each token of the last reply was."""
    if not chat.view.has_tokens:
        raise ChatError(NO_TOKENS)
    yield ShowTokens()


def edit(chat: Chat, text: str) -> Iterator[Outcome]:
    """Replace the last message, by a text or by what is made of it in the prompt."""
    last = actions.last_message(chat)
    if text:
        yield from actions.send(chat, text, edits=last.id)
    else:
        yield actions.edit(last)


def amend(chat: Chat, text: str) -> Iterator[Outcome]:
    """Replace the last reply, by a text or by what is made of it in the prompt, and go on."""
    reply = _reply_at_the_end(chat)
    if text:
        yield from actions.send(chat, text, edits=reply.id)
    else:
        yield actions.edit(reply)


def begin(chat: Chat, text: str) -> Iterator[Outcome]:
    """Have the next reply begin with these words, or say with which it will."""
    if text:
        chat.next_reply.begin_with("" if text in EMPTY else text)
    told = begins(chat.next_reply.words)
    yield Done(told) if text else Say(told)


def undo(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Step back over messages and their replies."""
    actions.last_message(chat)
    undone = chat.session.undo(count(argument, 1))
    what = "message" if len(undone) == 1 else f"{len(undone)} messages"
    yield Moved(f"took back the last {what} (/redo brings it again): {brief(undone[-1].text)}")


def redo(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Step forward again over messages and their replies."""
    done = chat.session.redo(count(argument, 1))
    if not done:
        raise ChatError("there is nothing to redo")
    yield Moved(f"{done} {'message is' if done == 1 else 'messages are'} back")


def previous(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Walk to the alternative before."""
    yield from _walk(chat, -1)


def following(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Walk to the alternative after."""
    yield from _walk(chat, 1)


def alternative(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Walk to an alternative by its number, or list them."""
    turn, all_of_them = _alternatives(chat)
    if argument:
        yield from _walk_to(chat, all_of_them, count(argument, 1) - 1)
        return
    edited = len({actions.message_of(each) for each in all_of_them}) > 1
    lines = []
    for i, each in enumerate(all_of_them, 1):
        about = f"{brief(actions.message_of(each).text, 24)}  →  " if edited else ""
        if each.role == "assistant":
            reasoning, answer = chat.session.renderer.reasoning.split(each.text)
            about += brief(answer if answer.strip() else reasoning, 30 if edited else 60)
        lines.append(f"{'*' if each is turn else ' '} {i}  {about}")
    yield Say("\n".join(lines))


def _reply_at_the_end(chat: Chat) -> Turn:
    reply = actions.last_reply(chat)
    if reply is not chat.session.ledger.head:
        raise ChatError("the last message has no reply yet", "/regen makes one")
    return reply


def _walk(chat: Chat, by: int) -> Iterator[Outcome]:
    turn, all_of_them = _alternatives(chat)
    yield from _walk_to(chat, all_of_them, all_of_them.index(turn) + by)


def _walk_to(chat: Chat, all_of_them: list[Turn], at: int) -> Iterator[Outcome]:
    if not 0 <= at < len(all_of_them):
        n = len(all_of_them)
        raise ChatError(f"there {'is 1 reply' if n == 1 else f'are {n} replies'} to this message")
    chat.session.walk_to(all_of_them[at])
    yield Moved(f"reply {at + 1} of {len(all_of_them)}", all_of_them[at].id)


def _alternatives(chat: Chat) -> tuple[Turn, list[Turn]]:
    """Return the path's end, and all its alternatives: the replies to any wording of the message.

    A wording that has no reply stands for itself.
    """
    message, head = actions.last_message(chat), chat.session.ledger.head
    assert head
    turns = []
    for version in chat.session.ledger.alternatives(message):
        unanswered = version is head or not version.children
        turns += [*version.children, version] if unanswered else version.children
    return head, turns
