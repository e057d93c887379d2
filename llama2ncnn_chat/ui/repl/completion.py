"""What Tab offers: commands, and the paths, sessions and settings that are their arguments.

Knows the table of commands and the chat, but no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from ...chat.chat import Chat
from ...chat.chat_settings import CHOICES, HELP
from ...chat.commands.sessions import title
from ...chat.commands.table import COMMANDS, find
from ...errors import ChatError


class CommandCompleter(Completer):
    """Only a text that begins with one slash has completions."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or text.startswith("//") or "\n" in text:
            return
        name, space, argument = text[1:].partition(" ")
        if not space:
            yield from _commands(name)
            return
        try:
            completes = find(name).completes
        except ChatError:
            return
        if completes == "path":
            yield from self._paths.get_completions(Document(argument), event)
        elif completes == "command":
            yield from _commands(argument)
        elif completes == "session":
            yield from self._sessions(argument)
        elif completes == "setting":
            yield from _settings(argument)
        elif completes == "code":
            yield from _matching(argument, [("code", "a block of code")])

    def _sessions(self, argument: str) -> Iterator[Completion]:
        if self._chat.store:
            sessions = self._chat.store.list(limit=50)
            yield from _matching(
                argument,
                [(i.name or str(i.id), f"{i.n_turns} turns, {title(i)}") for i in sessions],
            )


def whole_lines(completer: Completer) -> Callable[[str], list[str]]:
    """What a line may become, for a line editor that lists what Tab offers."""

    def complete(line: str) -> list[str]:
        found = completer.get_completions(Document(line), CompleteEvent(completion_requested=True))
        return [line[: len(line) + each.start_position] + each.text for each in found]

    return complete


def _commands(begin: str) -> Iterator[Completion]:
    yield from _matching(begin, [(c.name, c.help) for c in COMMANDS])


def _settings(argument: str) -> Iterator[Completion]:
    name, space, value = argument.partition(" ")
    if space:
        yield from _matching(value, [(choice, "") for choice in CHOICES.get(name, ())])
    else:
        yield from _matching(name, list(HELP.items()))


def _matching(begin: str, choices: list[tuple[str, str]]) -> Iterator[Completion]:
    for text, about in choices:
        if text.lower().startswith(begin.lower()):
            yield Completion(text, -len(begin), display_meta=about)
