"""Hands the chat's suggestions to prompt_toolkit and to line editors, in their forms.

Knows no command: ``chat.completion`` says what a line may become.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ...chat.chat import Chat
from ...chat.completion import suggest
from ...chat.line import is_command
from ...generation.completer import common_prefix


class LineCompleter(Completer):
    """Completes commands, and the names of files in a message."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        """Complete what stands before the cursor."""
        text = document.text_before_cursor
        for each in suggest(self._chat, text):
            n = 0 if is_command(text) else common_prefix(text, each.text)
            yield Completion(
                each.text[n:], n - len(text), display=each.label, display_meta=each.about
            )


def whole_lines(chat: Chat) -> Callable[[str], list[str]]:
    """Return a function that lists the whole lines that one may become."""
    return lambda line: [each.text for each in suggest(chat, line)]
