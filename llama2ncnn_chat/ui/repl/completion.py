"""What Tab offers, in prompt_toolkit's form. What a line may become, the chat says."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ...chat.chat import Chat
from ...chat.completion import suggest


class CommandCompleter(Completer):
    """Only a text that begins with one slash has completions."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        """Complete the line up to the cursor."""
        text = document.text_before_cursor
        for each in suggest(self._chat, text):
            yield Completion(each.text, -len(text), display=each.label, display_meta=each.about)


def whole_lines(chat: Chat) -> Callable[[str], list[str]]:
    """Return what lists the lines that one may become, for a line editor."""
    return lambda line: [each.text for each in suggest(chat, line)]
