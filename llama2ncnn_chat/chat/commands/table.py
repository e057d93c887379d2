"""The slash commands in one table: dispatch, ``/help``, completion and palettes come from it.

A command is known by its whole name alone. Knows no face.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, NoReturn

from ...errors import ChatError
from ...model.engine import Cancelled
from .. import phrases
from ..chat import Chat
from ..line import Command, Line, Message
from ..mentions import mentions, with_files
from ..outcomes import Ask, Complain, Generate, Outcome, Quit, Say
from ..turn_actions import send
from ..view import turn_of
from . import files as files
from . import info as info
from . import models as models
from . import presets as presets
from . import sessions as sessions
from . import turns as turns

Completes = Literal["", "command", "path", "session", "setting", "preset", "model", "code"]


@dataclass(frozen=True)
class Entry:
    """A command of the table. ``run(chat, argument)`` yields outcomes and raises ``ChatError``;
    ``completes`` says what its argument is."""

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


COMMANDS: tuple[Entry, ...] = (
    Entry("help", "/help [COMMAND]", "this list", _help, "command", ("?",)),
    Entry("exit", "/exit", "leave", _quit, aliases=("quit", "bye")),
    Entry("new", "/new", "begin a new session; the old one is kept", sessions.new),
    Entry("clear", "/clear", "begin a new session on an empty screen", sessions.clear),
    Entry("regen", "/regen", "another reply to the last message", turns.regen, aliases=("retry",)),
    Entry("continue", "/continue", "go on with the last reply", turns.proceed),
    Entry("prev", "/prev", "the reply that was made before this one", turns.previous),
    Entry("next", "/next", "the reply that was made after this one", turns.following),
    Entry(
        "alt", "/alt [N]", "list the replies to the last message, or take one", turns.alternative
    ),
    Entry("undo", "/undo [N]", "take back the last message and its reply", turns.undo),
    Entry("redo", "/redo [N]", "bring back what was undone", turns.redo),
    Entry("edit", "/edit [TEXT]", "change the last message and send it again", turns.edit),
    Entry(
        "amend",
        "/amend [TEXT]",
        "change the last reply's words; it goes on from there",
        turns.amend,
    ),
    Entry(
        "begin", "/begin [TEXT]", 'words that the next reply begins with; "" is none', turns.begin
    ),
    Entry("system", "/system [TEXT]", 'show or set the system prompt; "" is none', info.system),
    Entry(
        "set", "/set [KEY [VALUE]]", "show or set how replies are made", info.set_setting, "setting"
    ),
    Entry(
        "preset",
        "/preset [save] [NAME]",
        "settings that go together, or an ollama Modelfile's",
        presets.preset,
        "preset",
    ),
    Entry("model", "/model [NAME]", "go on with another model", models.model, "model"),
    Entry("show", "/show", "the model, the session and what is set", info.show),
    Entry("context", "/context", "what takes how much of the context", info.context),
    Entry("stats", "/stats", "how fast the last reply was", info.stats),
    Entry("save", "/save [NAME]", "name this session (it is saved all along)", sessions.save),
    Entry("rename", "/rename NAME", "another name for this session", sessions.rename),
    Entry("load", "/load NAME", "open a session by name or number", sessions.load, "session"),
    Entry(
        "resume",
        "/resume [NAME]",
        "open a session, or choose one of a list",
        sessions.resume,
        "session",
    ),
    Entry(
        "list",
        "/list [all | WORDS]",
        "the sessions, or those with these words",
        sessions.show_list,
    ),
    Entry("fork", "/fork", "go on in a copy of this session", sessions.fork),
    Entry("delete", "/delete [NAME]", "delete a session", sessions.delete, "session"),
    Entry("undelete", "/undelete", "bring back what was deleted last", sessions.undelete),
    Entry(
        "read",
        "/read FILE [TEXT]",
        "a file, or *.txt, into your message; @FILE, too",
        files.read,
        "path",
    ),
    Entry(
        "copy",
        "/copy [N] | code [K]",
        "a reply, or code in it, to the clipboard",
        files.copy,
        "code",
    ),
    Entry(
        "export",
        "/export [FILE]",
        "write a .md, .json or .jsonl file",
        sessions.export_chat,
        "path",
    ),
    Entry("tokens", "/tokens", "how likely each token of the last reply was", turns.tokens),
    Entry("replay", "/replay", "is the last reply the same again, token for token?", turns.replay),
    Entry("theme", "/theme [NAME | next]", "other colours in the full screen", info.theme),
)

_BY_NAME = {name: c for c in COMMANDS for name in (c.name, *c.aliases)}


def find(name: str) -> Entry:
    """Find the command of that whole name. Raises ``ChatError`` with the nearest one."""
    command = _BY_NAME.get(name.lower())
    if command is None:
        near = difflib.get_close_matches(name.lower(), _BY_NAME, 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists them"
        raise ChatError(f"no command /{name}", f"{hint} (// sends a text that begins with a slash)")
    return command


def interpret(chat: Chat, line: Line, *, edits: int | None = None) -> Iterator[Outcome]:
    """Run a command or send a message; yields outcomes, of which a refusal is one.

    A message replaces the turn (by its id) that it ``edits``, if any; an empty one is nothing, and
    a word that was most likely meant for the program goes back to the prompt once.
    """
    try:
        match line:
            case Command(name, argument):
                yield from _told(find(name).run(chat, argument), str(line))
            case Message(text) if edits is None and chat.bare_words.holds(text):
                yield Generate(chat.bare_words.refuse, draft=text)
            case Message(text) if text:
                yield from _send(chat, line, edits)
    except ChatError as e:
        yield Complain(phrases.sentence(e))


def _send(chat: Chat, message: Message, edits: int | None) -> Iterator[Outcome]:
    """Send a message with the files that it names; it goes back if they can't be read.

    What it said before it was edited has its files already; a reply's words name none.
    """
    edited = None if edits is None else turn_of(chat.session, edits)
    text = message.text
    try:
        if edited is None or edited.role == "user":
            text = with_files(message, mentions(edited.text) if edited else ())
    except ChatError as e:
        yield Generate(partial(_refuse, e), draft=message.text, edits=edits)
    else:
        yield from send(chat, text, edits=edits, draft=message.text)


def _refuse(error: ChatError, *, cancelled: Cancelled) -> NoReturn:  # noqa: ARG001
    raise error


def _told(all_: Iterable[Outcome], command: str) -> Iterator[Outcome]:
    """Have what a command says tell which one that was."""
    for outcome in all_:
        match outcome:
            case Say(text):
                yield Say(text, command)
            case Ask(question, yes, no):
                yield Ask(question, _told(yes, command), _told(no, command))
            case _:
                yield outcome


def help_text() -> str:
    """List all commands, a line each."""
    width = max(len(command.usage) for command in COMMANDS)
    return "\n".join(f"{command.usage:<{width}}  {command.help}" for command in COMMANDS)
