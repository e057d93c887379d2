"""The commands about sessions: new, save, resume, list, fork, delete, export. Each yields outcomes.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ...errors import ChatError, UsageError
from ...paths import is_there, path_of
from ...storage.store import HIT, SessionInfo
from .. import phrases
from ..chat import Chat
from ..export import FORMATS, default_name, export, n_unknown
from ..outcomes import Ask, ClearScreen, Done, Outcome, PickSession, Say, Switched
from ..phrases import brief

ALL = "all"
ONE_SHOTS = "/list all shows those of one answer on the command line, too"


def new(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Begin an empty session."""
    chat.new()
    yield Switched("a new session")


def clear(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Begin an empty session on an empty screen."""
    chat.new()
    yield ClearScreen()
    yield Switched("a new session")


def save(chat: Chat, name: str) -> Iterator[Outcome]:
    """Name the session, which is saved all along, and say as what."""
    chat.stored()
    if name:
        chat.rename(name)
    if chat.session_id is None:
        yield Done("it will be saved with its first message" + (f" as {name}" if name else ""))
    else:
        yield Done(f"saved as session {chat.session_id}" + (f", {chat.name}" if chat.name else ""))


def rename(chat: Chat, name: str) -> Iterator[Outcome]:
    """Rename the open session."""
    if not name:
        raise UsageError("which name?", "/rename NAME")
    yield from save(chat, name)


def load(chat: Chat, what: str) -> Iterator[Outcome]:
    """Open a session by number or name."""
    if not what:
        raise UsageError("which session?", "/load NAME, or /list")
    yield from resume(chat, what)


def resume(chat: Chat, what: str) -> Iterator[Outcome]:
    """Open a session by number or name, or let the person pick one."""
    store = chat.stored()
    if what:
        chat.resume(store.find(what).id)
        yield Switched(f"session {_called(chat)}")
        return
    others = tuple(info for info in store.list() if info.id != chat.session_id)
    if not others:
        raise ChatError("there is no other session yet")
    yield PickSession(others)


def show_list(chat: Chat, search: str) -> Iterator[Outcome]:
    """List the sessions, newest first; only those with the words, if there are any."""
    store, lists_all = chat.stored(), search == ALL
    search = "" if lists_all else search
    sessions = store.list(search, one_shots=lists_all)
    if not sessions:
        raise ChatError(
            f"no session has {search!r}" if search else "there is no session yet",
            "" if search or lists_all else ONE_SHOTS,
        )
    yield Say(table_of(sessions, chat.session_id))


def fork(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Go on in a copy of the session."""
    chat.fork()
    yield Switched(f"session {_called(chat)}")


def delete(chat: Chat, what: str) -> Iterator[Outcome]:
    """Delete a session, the open one if none is named."""
    store = chat.stored()
    if not what and chat.session_id is None:
        raise ChatError("this session isn't saved yet")
    info = store.find(what or str(chat.session_id))
    was_open = info.id == chat.session_id
    chat.delete(info.id)
    if was_open:
        yield Switched("a new session")
    yield Say(deleted(info, "/undelete"))  # where what was open is drawn no more


def undelete(chat: Chat, _argument: str) -> Iterator[Outcome]:
    """Bring back the session that was deleted last."""
    store = chat.stored()
    info = store.find(str(store.undelete_last()))
    yield Say(f"{undeleted(info)}; /load {info.id} opens it")


def export_chat(chat: Chat, argument: str) -> Iterator[Outcome]:
    """Export the conversation to a file, whose suffix says in which format."""
    if chat.session.ledger.head is None:
        raise ChatError("there is nothing to export yet", "say something first")
    path = path_of(argument or default_name(chat))
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path}: unknown format {path.suffix or 'without a suffix'}",
            f"name it {', '.join('*' + suffix for suffix in FORMATS)}",
        )
    if is_there(path):
        yield Ask(f"{path} exists. Write over it?", _export(chat, path), (Done("not exported"),))
    else:
        yield from _export(chat, path)


def _export(chat: Chat, path: Path) -> Iterator[Outcome]:
    size = export(chat, path)
    said = f"exported to {path.resolve()} ({size:,} bytes)"
    if n := n_unknown(chat, path):
        told = chat.view.has_tokens
        said += f"\n{phrases.without_logprobs(n) if told else f'no logprobs: {phrases.NO_TOKENS}'}"
    yield Say(said)


def deleted(info: SessionInfo, undo: str) -> str:
    """Say that a session is deleted, and what brings it back."""
    return f"session {info.id}, {title(info)}, is deleted; {undo} brings it back"


def undeleted(info: SessionInfo) -> str:
    """Say that a session is there again."""
    return f"session {info.id}, {title(info)}, is back"


def table_of(sessions: list[SessionInfo] | tuple[SessionInfo, ...], open_id: int | None) -> str:
    """List number, age, turns, model, title and last line of sessions, a line each.

    A search shows what was found in place of the last line; ``open_id`` gets a mark.
    """
    width = max(len(str(info.id)) for info in sessions)
    long = max(len(turns_in(info)) for info in sessions)
    models = max(len(model_of(info)) for info in sessions)
    lines = []
    for info in sessions:
        mark = "*" if info.id == open_id else " "
        said = brief(info.snippet.replace(HIT[0], "").replace(HIT[1], "")) or last_line(info)
        facts = f"{when(info.updated):<10}  {turns_in(info):>{long}}  {model_of(info):<{models}}"
        lines.append(f"{mark} {info.id:>{width}}  {facts}  {title(info)}  [{brief(said)}]")
    return "\n".join(lines)


def title(info: SessionInfo) -> str:
    """Return a session's name, or else how it begins."""
    return info.name or brief(info.first_text, 40) or "(empty)"


def turns_in(info: SessionInfo) -> str:
    """Say how many turns a session has: a message and its replies are one."""
    return phrases.turns(info.n_exchanges)


def model_of(info: SessionInfo) -> str:
    """Return the last part of the model's name."""
    return Path(info.model).name


def last_line(info: SessionInfo) -> str:
    """Return the last line that was said and that says something."""
    lines = info.last_text.splitlines()
    return next((line.strip() for line in reversed(lines) if any(map(str.isalnum, line))), "")


def when(stamp: float) -> str:
    """Say how long ago a time (seconds since 1970) was, or its date."""
    ago = time.time() - stamp
    if ago < 60:
        return "just now"
    if ago < 3600:
        return f"{int(ago // 60)} min ago"
    if ago < 86400:
        return f"{int(ago // 3600)} h ago"
    return time.strftime("%Y-%m-%d", time.localtime(stamp))


def _called(chat: Chat) -> str:
    number = "(not saved yet)" if chat.session_id is None else str(chat.session_id)
    return f"{number}, {chat.name}" if chat.name else number
