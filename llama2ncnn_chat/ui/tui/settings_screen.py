"""The panel of model and settings: what is changed there holds from the next reply on.

Every row comes from the table of settings; knows the chat, and no screen besides itself.
"""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from ...chat import phrases
from ...chat.chat import Chat
from ...chat.option import Option
from ...chat.options import SETTINGS, SYSTEM
from ...errors import ChatError
from .field import Field
from .status import MUTED, usage_bar


class _Rows(VerticalScroll, inherit_bindings=False):
    """Scrolls to what has the focus: up and down move that."""


class _Choice(Select[str], inherit_bindings=False):
    """Opens with enter or space: up and down go to the next setting."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "Show menu", show=False)
    ]


class SettingsScreen(ModalScreen[None]):
    """F2. A value that can't be is marked, and the one before stays."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-roomy")]  # noqa: RUF012 (Textual's way)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2,ctrl+c", "close", "Close", priority=True, id="settings.close"),
        Binding("down", "app.focus_next", "Next", show=False, id="settings.next"),
        Binding("up", "app.focus_previous", "Previous", show=False, id="settings.previous"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(classes="panel side")
        self._chat = chat

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title, box.border_subtitle = "Model and settings", "esc closes"
            yield Static(id="settings-note")
            with _Rows(can_focus=False):
                yield Static(self._facts(), classes="facts")
                for heading, options in groupby(SETTINGS.values(), lambda each: each.heading):
                    yield Static(heading, classes="heading")
                    for option in options:
                        yield from self._row(option)
                yield Static(SYSTEM.heading, classes="heading")
                yield TextArea(self._chat.settings.system, id="system", compact=True,
                               highlight_cursor_line=False, tab_behavior="focus")  # fmt: skip

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if not widget.has_class("-wrong"):
            self._say(SETTINGS[widget.id].about if widget.id in SETTINGS else "")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._set(event.input, event.value)

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        if event.value != self._chat.setting(event.select.id or ""):
            self._set(event.select, str(event.value))

    def action_close(self) -> None:
        """Set the system prompt, and close if it could be set."""
        system = self.query_one("#system", TextArea).text.strip()
        if system != self._chat.settings.system:
            try:
                self._chat.set_values({"system": system})
            except ChatError as e:
                self._say(phrases.sentence(e), wrong=True)
                return
        self.dismiss(None)

    def _row(self, option: Option) -> ComposeResult:
        name, value = option.name, self._chat.setting(option.name)
        with Horizontal(classes="setting"):
            yield Static(name.replace("_", " "), classes="name")
            if option.choices:
                yield _Choice(
                    # A session's template needn't be one of those that can be chosen.
                    [(each, each) for each in dict.fromkeys((*option.choices, value))],
                    value=value,
                    allow_blank=False,
                    compact=True,
                    id=name,
                )
            else:
                yield Field(value, compact=True, id=name)
            yield Static(Content(option.about.partition(":")[0]), classes="help")

    def _set(self, widget: Widget, text: str) -> None:
        name = widget.id or ""
        try:
            if text != self._chat.setting(name):
                self._chat.set_setting(name, text)
        except ChatError as e:
            widget.add_class("-wrong")
            self._say(phrases.sentence(e), wrong=True)
        else:
            widget.remove_class("-wrong")
            self._say(SETTINGS[name].about)

    def _facts(self) -> Content:
        chat = self._chat
        rows = [
            ("model", Content.assemble(chat.model.name, ("   /model opens another", MUTED))),
            ("weights", Content(chat.model.amount)),
        ]
        if (length := chat.view.context_length) is not None:
            used = 0 if chat.view.busy else chat.view.n_used() or 0
            bar = usage_bar(used, length)
            rows.append(("context", bar + Content(f" {used:,} of {length:,} tokens")))
        if chat.model.cache_size:
            rows.append(("cache", Content(f"{chat.model.cache_size / 1e6:,.1f} MB when full")))
        return Content("\n").join(
            Content.styled(f"{name:<10}", MUTED) + value for name, value in rows
        )

    def _say(self, text: str, *, wrong: bool = False) -> None:
        """What is wrong, or else what the setting with the focus does, in a line of its own."""
        note = self.query_one("#settings-note", Static)
        note.set_class(wrong, "-wrong")
        note.update(Content(text))
