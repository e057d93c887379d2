"""The screen before there is a chat: runs the opener in a thread and draws how far it is.

Knows neither models nor files; if the opener fails, it says why. What is typed meanwhile it keeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from convert.crash import lack

from ...chat import phrases
from ...errors import ChatError
from ...events import Report, Step
from ..first_picture import TITLE
from .status import MUTED, progress_bar

if TYPE_CHECKING:  # they come with the chat
    from ...catalogue.listing import ListedModel
    from ...chat.chat import Chat

Opener = Callable[[Step, "ListedModel | None"], "Chat"]
"""``opener(step, model)``: ``step(what)`` gives a callback for bytes done and their total;
``model`` is the one that was picked, None where nobody was asked."""

Typed: TypeAlias = events.Key | events.Paste
"""What a keyboard sends."""

REPORT_SECONDS = 0.05
GROUP = "opening"


def text_of(typed: Iterable[Typed]) -> str:
    """Return the text of what was typed, where nothing obeys its other keys."""
    text = ""
    for each in typed:
        if isinstance(each, events.Paste):
            text += each.text
        elif each.key == "backspace":
            text = text[:-1]
        elif each.key == "enter":
            text += "\n"
        elif each.is_printable and each.character:
            text += each.character
    return text.strip()


class OpeningScreen(Screen[None]):
    """Posts ``Opened`` when there is a chat, ``Failed`` when there won't be one.

    What is typed before is added to ``early``, for the prompt.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+c", "app.quit", "Quit", id="opening.quit"),
        Binding("m", "another", "Another model", id="opening.another"),
    ]

    class Opened(Message):
        """There is a chat now."""

        def __init__(self, chat: Chat) -> None:
            self.chat = chat
            super().__init__()

    class Failed(Message):
        """There won't be one; ``failure`` is why."""

        def __init__(self, failure: BaseException) -> None:
            self.failure = failure
            super().__init__()

    class AnotherWanted(Message):
        """It failed, and the person would rather pick another model than leave."""

    class Progressed(Message):
        """A step has come so far."""

        def __init__(self, what: str, done: int, total: int) -> None:
            self.what, self.done, self.total = what, done, total
            super().__init__()

    def __init__(
        self, opener: Opener, model: ListedModel | None = None, *, early: list[Typed]
    ) -> None:
        super().__init__()
        self._opener, self._model, self._early = opener, model, early
        self._left = threading.Event()

    def compose(self) -> ComposeResult:
        with Vertical(id="opening"):
            yield Static(TITLE, classes="title")
            yield Static(id="opening-step")
            yield Static(id="opening-bar")

    def on_mount(self) -> None:
        self.run_worker(self._open, thread=True, exit_on_error=False, group=GROUP)

    def on_unmount(self) -> None:
        self._left.set()

    def on_key(self, event: events.Key) -> None:
        is_text = event.is_printable or event.key not in self.active_bindings
        if is_text and not self.has_class("-failed"):
            self._early.append(events.Key(event.key, event.character))
            event.stop()

    def on_paste(self, event: events.Paste) -> None:
        self._early.append(events.Paste(event.text))

    def action_another(self) -> None:
        """Ask for another model, once this one has failed."""
        if self.has_class("-failed"):
            self.post_message(self.AnotherWanted())

    def _open(self) -> Chat:
        return self._opener(self._step, self._model)

    def _step(self, what: str) -> Report:
        last = 0.0

        def report(done: int, total: int) -> None:
            nonlocal last
            if self._left.is_set():  # the one way into the middle of a long conversion
                raise ChatError("nobody waits for the model any more")
            now = time.monotonic()
            if now - last >= REPORT_SECONDS or done == total:
                last = now
                self.post_message(self.Progressed(what, done, total))

        return report

    @on(Progressed)
    def _progressed(self, message: Progressed) -> None:
        self.query_one("#opening-step", Static).update(Content(message.what))
        amounts = f"  {message.done / 1e6:,.0f} of {message.total / 1e6:,.0f} MB"
        bar = progress_bar(0, message.done, message.total, 40)
        self.query_one("#opening-bar", Static).update(bar + Content.styled(amounts, MUTED))

    @on(Worker.StateChanged)
    def _changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.SUCCESS:
            assert event.worker.result is not None
            self.post_message(self.Opened(event.worker.result))
        elif event.state is WorkerState.ERROR and event.worker.error:
            self._show(event.worker.error)
            self.post_message(self.Failed(event.worker.error))

    def _show(self, failure: BaseException) -> None:
        self.add_class("-failed")
        if isinstance(failure, ChatError):
            message, hint = failure.message, phrases.hint(failure)
        else:
            message, hint = lack(failure) or f"{type(failure).__name__}: {failure}", ""
        self.query_one("#opening-step", Static).update(Content(message))
        self.query_one("#opening-bar", Static).update(
            Content.assemble((hint + "\n\n", "$text-warning"), ("m another model   q quits", MUTED))
        )
