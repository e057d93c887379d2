"""The prompt's protocol, and prompt_toolkit's prompt on a terminal, with a bar below it.

Knows keys, history and completion; neither the chat nor what commands do.
"""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, TimerHandle, get_running_loop
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, is_searching, to_filter
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History as PromptHistory
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from convert.streams import printable

from ...chat.completion import can_complete
from ...chat.line import Line, Message, begun, parse
from ...chat.outcomes import Attach
from ...errors import Terminated
from ..armed import Armed
from ..history import History
from ..keyboard import PAUSE
from ..paste import Pastes
from .keys import ClearedError, answer_bindings, key_bindings
from .watch import KeyWatch, typed_ahead

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

for turn in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)):  # as it does with control characters
    Char.display_mappings[chr(turn)] = f"<{turn:x}>"

YES = ("y", "yes")
PAUSED_AFTER = 0.12
"""Seconds without a key."""

Watch = AbstractContextManager[Callable[[], bool]]


class Prompt(Protocol):
    """Reads what a person types. ``prefills`` says whether ``read`` can begin with a draft, and
    ``stops`` what a person can do while there is a ``watch``.
    """

    prefills: bool
    stops: str

    @property
    def unsent(self) -> str:
        """What stood there when an error or a signal ended ``read``, or was typed in a reply."""

    @property
    def in_front(self) -> bool:
        """Whether the window is known to be in front."""

    def read(self, draft: str = "", /, *, edits: bool = False) -> Line:
        """Read the next line, begun with a draft if it ``prefills``.

        ``edits`` says that a message is edited. Raises ``EOFError`` at the end of input, and
        ``ClearedError`` if a message that is edited is to stay as it was.
        """

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no if nobody is there to answer."""

    def attach(self, file: Attach) -> str:
        """Have a file go with the next message; returns what to say about it, if anything."""

    def watch(self) -> Watch:
        """Return a watch for the time of a reply: call it to ask whether the reply is to stop."""


class RichPrompt:
    """prompt_toolkit's, on a terminal. ``toolbar(draft, armed)`` gives the bottom bar.

    ``suspend`` gives the terminal to the shell, until ``fg``, and ``compose`` a text to an editor;
    it returns what came of that. ``touched`` is called when the draft
    is changed, ``paused`` with the draft after a moment without a key.
    """

    prefills, stops = True, "Esc stops"

    def __init__(
        self,
        completer: Completer,
        toolbar: Callable[[Line, bool], StyleAndTextTuples],
        show: dict[str, Callable[[], None]],
        suspend: Callable[[], None],
        compose: Callable[[str], str],
        *,
        touched: Callable[[], None],
        paused: Callable[[Message], None],
        history: History,
        vi: bool,
        colour: bool,
    ) -> None:
        self._armed, self._pastes, self._toolbar = Armed(), Pastes(), toolbar
        self._attached, self._left, self._edits = "", "", False
        self._input, self._suspend = _terminal_input(), suspend
        self._touched, self._paused = touched, paused
        self._pausing: TimerHandle | None = None
        self._session: PromptSession[str] = PromptSession(
            self._label,
            input=self._input,
            multiline=True,
            prompt_continuation="  ",
            completer=completer,
            complete_while_typing=Condition(self._completes),
            auto_suggest=AutoSuggestFromHistory(),
            history=_Remembered(history, self._pastes.whole),
            vi_mode=vi,
            cursor=ModalCursorShapeConfig() if vi else None,
            key_bindings=key_bindings(
                self._armed, self._pastes, show, suspend, compose, edits=lambda: self._edits
            ),
            bottom_toolbar=self._bottom,
            style=STYLE,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            placeholder=self._placeholder,
            reserve_space_for_menu=6,
            refresh_interval=1,
        )
        self._session.app.ttimeoutlen = PAUSE
        self._before = (-1, "")
        self._session.default_buffer.on_text_changed += self._mend_labels
        self._session.default_buffer.on_text_changed += self._touch
        # The bar stands right below what is typed, where it also stands while a reply streams.
        self._session.layout.current_window.dont_extend_height = to_filter(True)

    @property
    def unsent(self) -> str:
        """What stood there at last, or was typed during a reply."""
        return self._left or typed_ahead(self._input)

    @property
    def in_front(self) -> bool:
        """Whether the window was in front when a key was pressed, or a reply was written."""
        return bool(getattr(self._input, "in_front", False))

    def read(self, draft: str = "", /, *, edits: bool = False) -> Line:
        """Read the next line; see ``Prompt``. A file that was attached stands before the draft."""
        self._armed.disarm()
        self._edits = edits
        draft = self._attached + self._pastes.shown(draft, folds=not edits)
        self._attached = ""
        try:
            text = self._ask(draft)
        except (EOFError, ClearedError):
            raise
        except BaseException:
            self._left = self._pastes.whole(self._session.default_buffer.text)
            raise
        return self._line(text)

    def _line(self, shown: str) -> Line:
        return parse(self._pastes.whole(shown), self._pastes.pieces(shown))

    def _ask(self, draft: str) -> str:
        try:
            return self._session.prompt(
                default=draft, pre_run=self._begin, set_exception_handler=False
            )
        except EOFError as e:
            if self._input.closed:  # no key said so: the terminal is gone, a signal will follow
                raise Terminated from e
            raise

    def _fail(self, _loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the prompt by an error of the event loop, where prompt_toolkit would print it."""
        future, error = self._session.app.future, context.get("exception")
        if isinstance(error, Exception) and future and not future.done():
            self._session.app.exit(exception=error)

    def _mend_labels(self, buffer: Buffer) -> None:
        (place, before), self._before = self._before, (buffer.working_index, buffer.text)
        # In another place, the line is another one of the history.
        if place == buffer.working_index and (mended := self._pastes.mended(before, buffer.text)):
            buffer.document = Document(*mended)

    def _begin(self) -> None:
        get_running_loop().set_exception_handler(self._fail)
        buffer = self._session.default_buffer
        self._before = (buffer.working_index, buffer.text)
        self._pause()

    def _touch(self, _buffer: Buffer) -> None:
        self._touched()
        if self._pausing:
            self._pausing.cancel()
        if loop := self._session.app.loop:
            self._pausing = loop.call_later(PAUSED_AFTER, self._pause)

    def _pause(self) -> None:
        if not self._edits:  # else what follows the message that is edited may be needed yet
            shown = self._session.default_buffer.text
            self._paused(begun(self._pastes.whole(shown), self._pastes.pieces(shown)))

    def _label(self) -> StyleAndTextTuples:
        return [("class:prompt", "edit> " if self._edits else "> ")]

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no at the end of input."""
        session: PromptSession[str] = PromptSession(
            input=self._input, key_bindings=answer_bindings()
        )
        try:
            answer = session.prompt(printable(f"{question} [y/N] "))
        except EOFError:
            return False
        return answer.strip().lower() in YES

    def attach(self, file: Attach) -> str:
        """Put a file, folded, before the next draft; returns nothing to say."""
        self._attached += self._pastes.fold_as(file.about, f"{file.text}\n\n", " ")
        return ""

    def watch(self) -> Watch:
        """Watch for Esc and Ctrl+C, for the time of a reply."""
        return KeyWatch(self._input, self._suspend)

    def _bottom(self) -> StyleAndTextTuples:
        return self._toolbar(self._line(self._session.default_buffer.text), bool(self._armed))

    def _placeholder(self) -> StyleAndTextTuples:
        # prompt_toolkit shows it beside what a history search has found, too.
        if is_searching() or self._session.app.is_done:  # nothing of it stays behind
            return []
        return [("class:placeholder", "Send a message (/? for help)")]

    def _completes(self) -> bool:
        return can_complete(self._session.default_buffer.document.text_before_cursor)


def _terminal_input() -> Input:
    """Return what reads the keyboard; on Windows it is prompt_toolkit's own."""
    if sys.platform == "win32":
        return create_input()
    from .keyboard import TerminalInput

    return TerminalInput(sys.stdin)


class _Remembered(PromptHistory):
    """The history as prompt_toolkit wants it: what was sent, with folded texts in full."""

    def __init__(self, history: History, whole: Callable[[str], str]) -> None:
        super().__init__()
        self._history, self._whole = history, whole

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._history.entries)  # prompt_toolkit wants the newest first

    def append_string(self, string: str) -> None:
        super().append_string(self._whole(string))

    def store_string(self, string: str) -> None:
        self._history.add(string)
