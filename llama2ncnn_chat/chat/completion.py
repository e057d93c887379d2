"""What may follow what is typed: commands, settings, sessions, models, paths, from the table.

Pure functions of a chat and a text; knows no face.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..errors import ChatError
from ..paths import config_file, path_of
from .chat import Chat
from .commands.presets import about
from .commands.sessions import title, turns_in
from .commands.table import COMMANDS, find
from .line import is_command
from .mentions import begun_mention
from .options import SETTINGS
from .settings_file import read_settings

MOST = 50


@dataclass(frozen=True)
class Suggestion:
    """``text`` is the whole line with this choice taken; ``label`` and ``about`` are to show."""

    text: str
    label: str
    about: str = ""


def can_complete(text: str) -> bool:
    """Tell whether a line is at a place where something may be suggested as it is typed."""
    return is_command(text) or begun_mention(text) is not None


def suggest(chat: Chat, text: str) -> list[Suggestion]:
    """List what a command, or the name of a file in a message, may become as it is typed."""
    if not is_command(text):
        return _files(text)
    if "\n" in text:
        return []
    name, space, argument = text[1:].partition(" ")
    if not space:
        return [
            Suggestion(f"/{c.name}" + (" " if c.completes else ""), c.usage, c.help)
            for c in COMMANDS
            if any(n.startswith(name.lower()) for n in (c.name, *c.aliases))
        ]
    try:
        completes = find(name).completes
    except ChatError:
        return []
    begin = f"/{name} "
    found = [
        Suggestion(begin + choice, choice.strip(), about)
        for choice, about in _arguments(chat, completes, argument)
        if choice.lower().startswith(argument.lower()) and choice.strip() != argument.strip()
    ]
    return found[:MOST]


def _files(text: str) -> list[Suggestion]:
    """List the files that the end of a message may name; after a whole name comes a space."""
    begun = begun_mention(text)
    if begun is None:
        return []
    written = begun.removeprefix('"')
    found = []
    for name, _ in _paths(written):
        if name.lower().startswith(written.lower()):
            quote = '"' if begun != written or " " in name else ""
            end = "" if name.endswith("/") else f"{quote} "
            whole = text[: len(text) - len(begun)] + quote + name + end
            found.append(Suggestion(whole, name))
    return found[:MOST]


def _arguments(chat: Chat, completes: str, argument: str) -> Iterable[tuple[str, str]]:
    if completes == "command":
        return [(c.name, c.help) for c in COMMANDS]
    if completes == "setting":
        key, space, begin = argument.partition(" ")
        if space:
            return [(f"{key} {choice}", about) for choice, about in _values(key, begin)]
        return [(f"{name} ", option.about) for name, option in SETTINGS.items()]
    if completes == "session" and chat.store:
        with suppress(ChatError):  # which the command itself will say
            found = chat.store.list()
            return [(i.name or str(i.id), f"{turns_in(i)}  {title(i)}") for i in found]
    if completes == "preset":
        return _presets(argument)
    if completes == "model":
        return _models(chat, argument)
    if completes == "code":
        return [("code", "a block of code")]
    return _paths(argument) if completes == "path" else []


def _values(key: str, begin: str) -> Iterable[tuple[str, str]]:
    option = SETTINGS.get(key)
    if option is None:
        return []
    return _paths(begin) if option.names_file else [(choice, "") for choice in option.choices]


def _presets(argument: str) -> Iterator[tuple[str, str]]:
    with suppress(ChatError):  # which the command itself will say
        found = {n: about(values) for n, values in read_settings(config_file()).presets.items()}
        yield from found.items()
        yield "save ", "what is set, by a name"
        yield from ((f"save {name}", each) for name, each in found.items())
    yield from _paths(argument)


def _models(chat: Chat, argument: str) -> Iterator[tuple[str, str]]:
    listed = chat.models.listed() if chat.models else ()
    names = Counter(each.name for each in listed)
    for each in listed:
        yield each.name if names[each.name] == 1 else each.model, each.about
    yield from _paths(argument)


def _paths(begin: str) -> Iterator[tuple[str, str]]:
    written = begin[: begin.rfind("/") + 1]
    folder = path_of(written or ".")
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") <= begin[len(written) :].startswith("."):
                yield written + path.name + "/" * path.is_dir(), ""
    except OSError:
        return
