"""The slash commands in one table: dispatch, ``/help``, completion and palettes come from it.

Whole words only; what begins with a slash never reaches the model unless it begins with two.
Knows no face.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ...conversation.ledger import Turn
from ...errors import ChatError
from ..chat import Chat
from ..outcomes import Complain, Outcome, Quit, Say
from ..slash import is_command, message_in
from . import info as info
from . import sessions as sessions
from . import turns as turns

Completes = Literal["", "command", "path", "session", "setting", "code"]


@dataclass(frozen=True)
class Command:
    """``run(chat, argument)`` yields outcomes and raises ``ChatError``; ``completes`` says what its
    argument is."""

    name: str
    usage: str
    help: str
    run: Callable[[Chat, str], Iterator[Outcome]]
    completes: Completes = ""
    aliases: tuple[str, ...] = ()


def _help(_chat: Chat, argument: str) -> Iterator[Outcome]:
    name = argument.strip().lstrip("/")
    if name:
        command = find(name)
        also = f"  (also {', '.join('/' + a for a in command.aliases)})" if command.aliases else ""
        yield Say(f"{command.usage}  {command.help}{also}")
    else:
        yield Say(help_text())


def _quit(_chat: Chat, _argument: str) -> Iterator[Outcome]:
    yield Quit()


COMMANDS: tuple[Command, ...] = (
    Command("help", "/help [COMMAND]", "this list", _help, "command", ("?",)),
    Command("exit", "/exit", "leave", _quit, aliases=("quit", "bye")),
    Command("new", "/new", "begin a new session; the old one is kept", sessions.new),
    Command("clear", "/clear", "the same, with an empty screen", sessions.clear),
    Command("regen", "/regen", "another reply to the last message", turns.regen),
    Command("continue", "/continue", "go on with the last reply", turns.proceed),
    Command("prev", "/prev", "the reply that was made before this one", turns.previous),
    Command("next", "/next", "the reply that was made after this one", turns.following),
    Command(
        "alt", "/alt [N]", "list the replies to the last message, or take one", turns.alternative
    ),
    Command("undo", "/undo [N]", "take back the last message and its reply", turns.undo),
    Command("redo", "/redo [N]", "bring back what was undone", turns.redo),
    Command("edit", "/edit [TEXT]", "change the last message and send it again", turns.edit),
    Command("system", "/system [TEXT]", 'show or set the system prompt; "" is none', info.system),
    Command(
        "set", "/set [KEY [VALUE]]", "show or set how replies are made", info.set_setting, "setting"
    ),
    Command("show", "/show", "the model, the session and what is set", info.show),
    Command("context", "/context", "what takes how much of the context", info.context),
    Command("stats", "/stats", "how fast the last reply was", info.stats),
    Command("save", "/save [NAME]", "name this session (it is saved all along)", sessions.save),
    Command("rename", "/rename NAME", "another name for this session", sessions.rename),
    Command("load", "/load NAME", "open a session by name or number", sessions.load, "session"),
    Command(
        "resume", "/resume [NAME]", "the same, or choose one of a list", sessions.resume, "session"
    ),
    Command("list", "/list [WORDS]", "all sessions, or those with these words", sessions.show_list),
    Command("fork", "/fork", "go on in a copy of this session", sessions.fork),
    Command("delete", "/delete [NAME]", "delete a session", sessions.delete, "session"),
    Command("read", "/read FILE [TEXT]", "a file's text into your message", turns.read, "path"),
    Command(
        "copy",
        "/copy [N] | code [K]",
        "a reply, or code in it, to the clipboard",
        turns.copy,
        "code",
    ),
    Command(
        "export",
        "/export [FILE]",
        "write a .md, .json or .jsonl file",
        sessions.export_chat,
        "path",
    ),
    Command(
        "replay", "/replay", "is the last reply the same again, token for token?", turns.replay
    ),
)

_BY_NAME = {name: c for c in COMMANDS for name in (c.name, *c.aliases)}


def find(name: str) -> Command:
    """The command of that whole name. Raises ``ChatError`` with the nearest one."""
    command = _BY_NAME.get(name.lower())
    if command is None:
        near = difflib.get_close_matches(name.lower(), _BY_NAME, 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists them"
        raise ChatError(f"no command /{name}", f"{hint} (// sends a text that begins with a slash)")
    return command


def interpret(chat: Chat, line: str, *, edits: Turn | None = None) -> Iterator[Outcome]:
    """What a person typed, a command or a message, to outcomes; refusals are outcomes too.

    A message takes the place of the one that it ``edits``, if any.
    """
    text = line.strip()
    try:
        if not text:
            return
        if is_command(text):
            name, argument = split(text)
            yield from find(name).run(chat, argument)
        else:
            yield from turns.send(chat, message_in(text), edits=edits)
    except ChatError as e:
        yield Complain(str(e))


def split(text: str) -> tuple[str, str]:
    """A command's name and argument."""
    name, *rest = text[1:].split(maxsplit=1) or [""]
    return name, rest[0].strip() if rest else ""


def help_text() -> str:
    """All commands, a line each."""
    width = max(len(command.usage) for command in COMMANDS)
    return "\n".join(f"{command.usage:<{width}}  {command.help}" for command in COMMANDS)
