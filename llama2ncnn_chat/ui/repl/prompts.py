"""Where messages come from on a terminal: prompt_toolkit's prompt, with a bar below it.

Knows keys, history and completion; what a text means is none of its business.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.filters import Condition, is_searching, to_filter
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from ...paths import make_private
from ..paste import Pastes
from .keys import Armed, answer_bindings, key_bindings
from .watch import KeyWatch

STYLE = Style.from_dict(
    {
        "prompt": "bold ansicyan",
        "bottom-toolbar": "noreverse",
        "toolbar": "ansibrightblack",
        "toolbar.warn": "ansired bold",
        "placeholder": "ansibrightblack",
        "auto-suggestion": "ansibrightblack",
    }
)

YES = ("y", "yes")
MAX_KEPT = 1 << 16

Watch = AbstractContextManager[Callable[[], bool]]


class Prompt(Protocol):
    """A source of what a person types."""

    prefills: bool

    def read(self, draft: str = "", /, *, edits: bool = False) -> str:
        """The next text, begun with a draft if it can be; ``edits`` says that it's an old one.

        Raises ``EOFError`` at the end, and ``ClearedError`` if an old one is to stay as it is.
        """

    def confirm(self, question: str) -> bool:
        """Yes or no; no if nobody is there to say."""

    def attach(self, name: str, text: str, tokens: int) -> str:
        """Take a text to go with the next message; returns what to tell."""

    def watch(self) -> Watch:
        """For the time of a reply: whether it's to be stopped."""


class RichPrompt:
    """prompt_toolkit's, on a terminal. ``toolbar(draft, armed)`` gives the bottom bar."""

    prefills = True

    def __init__(
        self,
        completer: Completer,
        toolbar: Callable[[str, bool], StyleAndTextTuples],
        show: dict[str, Callable[[], None]],
        *,
        history: Path | None,
        vi: bool,
        colour: bool,
    ) -> None:
        self._armed, self._pastes, self._toolbar = Armed(), Pastes(), toolbar
        self._attached, self._edits = "", False
        self._session: PromptSession[str] = PromptSession(
            self._label,
            multiline=True,
            prompt_continuation="  ",
            completer=completer,
            complete_while_typing=Condition(self._is_command),
            auto_suggest=AutoSuggestFromHistory(),
            history=open_history(history, self._pastes.unfold),
            vi_mode=vi,
            cursor=ModalCursorShapeConfig() if vi else None,
            key_bindings=key_bindings(self._armed, self._pastes, show, lambda: self._edits),
            bottom_toolbar=self._bottom,
            style=STYLE,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            placeholder=self._placeholder,
            tempfile_suffix=".md",
            reserve_space_for_menu=6,
            refresh_interval=1,
            enable_suspend=True,
        )
        self._session.app.ttimeoutlen = 0.05
        # The bar stands right below what is typed, where it also stands while a reply streams.
        self._session.layout.current_window.dont_extend_height = to_filter(True)

    def read(self, draft: str = "", /, *, edits: bool = False) -> str:
        self._armed.disarm()
        self._edits = edits
        draft, self._attached = self._attached + draft, ""
        return self._pastes.unfold(self._session.prompt(default=draft))

    def _label(self) -> StyleAndTextTuples:
        return [("class:prompt", "edit> " if self._edits else "> ")]

    def confirm(self, question: str) -> bool:
        session: PromptSession[str] = PromptSession(key_bindings=answer_bindings())
        try:
            answer = session.prompt(f"{question} [y/N] ")
        except EOFError:
            return False
        return answer.strip().lower() in YES

    def attach(self, name: str, text: str, tokens: int) -> str:
        self._attached += self._pastes.keep(f"{name}, {tokens:,} tokens", f"{text}\n\n", " ")
        return ""

    def watch(self) -> Watch:
        return KeyWatch(self._session.app.input)

    def _bottom(self) -> StyleAndTextTuples:
        draft = self._pastes.unfold(self._session.default_buffer.text)
        return self._toolbar(draft, bool(self._armed))

    def _placeholder(self) -> StyleAndTextTuples:
        # prompt_toolkit shows it beside what a history search has found, too.
        if is_searching() or self._session.app.is_done:  # nothing of it stays behind
            return []
        return [("class:placeholder", "Send a message (/? for help)")]

    def _is_command(self) -> bool:
        return self._session.default_buffer.text.startswith("/")


def open_history(path: Path | None, unfold: Callable[[str], str] = str) -> History:
    """The history in that file, only the person's own to read; in memory if it can't be."""
    if path is None:
        return InMemoryHistory()
    try:
        make_private(path.parent)
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return _KeptHistory(path, unfold)


class _KeptHistory(FileHistory):
    """Texts as they were sent, newlines and all; huge ones aren't kept."""

    def __init__(self, path: Path, unfold: Callable[[str], str]) -> None:
        super().__init__(str(path))
        self._unfold = unfold

    def append_string(self, string: str) -> None:
        whole = self._unfold(string)
        super().append_string(whole if len(whole) <= MAX_KEPT else string)

    def store_string(self, string: str) -> None:
        with suppress(OSError):  # a full disk is no reason to lose the chat
            super().store_string(string)
