"""The application: themes, screens, signals, and the way out. Knows what screens ask for.

Everything about a conversation is the chat screen's; everything about opening one is the caller's.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from ...conversation.chat import Chat
from ...errors import ChatError
from ...paths import history_file
from .chat_screen import ChatScreen
from .composer import Composer
from .help_screen import HelpScreen
from .history import History
from .keys import key
from .opening_screen import Opener, OpeningScreen
from .palette import entries
from .prompt import Prompt
from .sessions_screen import SessionsScreen
from .settings_screen import SettingsScreen
from .themes import INK, PAPER, default_theme
from .transcript import Transcript

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALLED = 128


_key = partial(key, "app", show=True, first=True)


class ChatApp(App[None], inherit_bindings=False):
    """``chat`` is there once ``opener`` has made it. It stays the caller's, who closes it after the
    app has ended, whatever ended it; ``failure`` is why there was none.
    """

    TITLE = "llama2ncnn-chat"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("f1", "help", "Help", "Keys and commands"),
        _key("f2", "settings", "Settings", "Sampling, system prompt, template, threads"),
        _key("f3", "tokens", "Tokens", "How sure the model was of each token; go on from another"),
        _key("ctrl+o", "sessions", "Sessions", "Find, open, rename, fork and delete sessions"),
        _key("ctrl+p", "command_palette", "Palette", "Find anything"),
        _key("ctrl+q", "quit", "Quit", "Leave; everything is saved"),
    ]

    def __init__(
        self, opener: Opener, *, keeps_history: bool = True, chooses: bool = False
    ) -> None:
        super().__init__()
        self.chat: Chat | None = None
        self.failure: BaseException | None = None
        self._opener, self._chooses = opener, chooses
        self._history = History(history_file() if keeps_history else None)
        for theme in (INK, PAPER):
            self.register_theme(theme)
        self.theme = default_theme(os.environ)

    def on_mount(self) -> None:
        self._exit_on_signals()
        self.push_screen(OpeningScreen(self._opener))

    @on(OpeningScreen.Opened)
    async def chat_opened(self, message: OpeningScreen.Opened) -> None:
        self.chat = message.chat
        await self.switch_screen(ChatScreen(message.chat, self._history))
        if self._chooses:
            self.action_sessions()

    @on(OpeningScreen.Failed)
    def opening_failed(self, message: OpeningScreen.Failed) -> None:
        self.failure = message.failure

    @on(Prompt.Left)
    @on(ChatScreen.Left)
    async def left(self) -> None:
        await self.action_quit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        yield SystemCommand("Theme", "Dark, light, and Textual's own", self.action_change_theme)
        if isinstance(screen, ChatScreen):
            yield from entries(screen, _own_bindings(self, screen))

    @property
    def chat_screen(self) -> ChatScreen | None:
        return next((s for s in self.screen_stack if isinstance(s, ChatScreen)), None)

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Other screens come from the chat's alone; None greys what would find nothing."""
        if action not in ("help", "settings", "tokens", "sessions", "command_palette"):
            return True
        if not isinstance(self.screen, ChatScreen):
            return False
        if action == "tokens":
            return True if self.screen.has_reply else None
        if action == "sessions":
            return True if self.screen.chat.store else None
        return True

    def action_help(self) -> None:
        sections = [
            ("Everywhere", _bindings(ChatApp)),
            ("Writing", [*_bindings(Prompt), *_bindings(Composer)]),
            ("Chat", _bindings(ChatScreen)),
            ("Messages (shift+tab, or a click)", _bindings(Transcript)),
        ]
        self.push_screen(HelpScreen(sections))

    def action_settings(self) -> None:
        if chat_screen := self.chat_screen:
            # Another system prompt takes other room.
            self.push_screen(SettingsScreen(chat_screen.chat), lambda _: chat_screen.count())

    @work
    async def action_sessions(self) -> None:
        chat_screen = self.chat_screen
        if chat_screen is None:
            return
        try:
            screen = SessionsScreen(chat_screen.chat)
        except ChatError as e:
            chat_screen.status.say(str(e))
            return
        open_before = chat_screen.chat.session_id
        chosen = await self.push_screen_wait(screen)
        if chosen is not None:
            await chat_screen.run_command(f"/load {chosen}")
        elif chat_screen.chat.session_id != open_before:  # it was deleted
            await chat_screen.refresh_session(other=True)

    def action_tokens(self) -> None:
        if chat_screen := self.chat_screen:
            chat_screen.look_at_tokens()

    @on(ChatScreen.SessionsWanted)
    def sessions_wanted(self) -> None:
        self.action_sessions()

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """Leave. The running reply is told first: its thread has to end before the program can."""
        if chat_screen := self.chat_screen:
            chat_screen.replies.stop()
        super().exit(result, return_code, message)

    def _exit_on_signals(self) -> None:
        """Leave in an orderly way, so that the terminal is what it was."""
        loop = asyncio.get_running_loop()
        for name in SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                loop.add_signal_handler(number, partial(self.exit, None, SIGNALLED + number))


def _bindings(owner: type[DOMNode]) -> list[Binding]:
    return [b for b in owner.BINDINGS if isinstance(b, Binding)]


def _own_bindings(app: ChatApp, screen: ChatScreen) -> list[Binding]:
    inside = ("interrupt", "back", "page(-1)", "page(1)", "command_palette")
    return [
        b
        for b in (*_bindings(type(app)), *_bindings(type(screen)), *_bindings(Composer))
        if b.action not in inside
    ]
