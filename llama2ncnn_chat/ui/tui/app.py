"""The full-screen application: themes, screens, signals, and the way out.

Leaves everything about a conversation to the chat's screen, and opening one to its caller. What
there is only once a chat is open is imported then: the first picture comes before.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual import on, work
from textual.app import SuspendNotSupported, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import WorkerFailed

from ...chat.line import Command
from ...errors import ChatError
from ...paths import history_file
from ...signals import ENDING
from ..history import History
from ..stopping import has_shell, stop_until_woken
from ..window import Window
from .by_use import ByUse
from .keyboard import BackgroundTold, InputFailed
from .keys import key
from .model_picker import Models, model_picker
from .opening_screen import Opener, OpeningScreen, Typed, text_of
from .terminal_app import TerminalApp
from .themes import INK, PAPER, default_theme, picked_theme, remember_theme, theme_on

if TYPE_CHECKING:
    from ...chat.chat import Chat
    from .chat_screen import ChatScreen
    from .over_chat import OverChat

SIGNALLED = 128
CHATS_OWN = ("help", "settings", "tokens", "sessions", "command_palette", "suspend_process")
"""Actions that are there on the chat's screen alone."""


_key = partial(key, "app", show=True, first=True)


class ChatApp(TerminalApp, inherit_bindings=False):
    """``chat`` is there once ``opener`` has made it; ``failure`` is why there was none.

    The caller closes it after the app has ended, whatever ended it. ``models`` lists those to pick
    from, when somebody wants to. With ``picks_model`` that list comes first, with
    ``lists_sessions`` the sessions once there is a chat. With ``title`` it sets the window's title;
    a reply of ``notify`` seconds calls whoever looks elsewhere.
    """

    TITLE = "llama2ncnn-chat"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {ByUse}
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("f1", "help", "Help", "Keys and commands"),
        _key("f2", "settings", "Settings", "Sampling, system prompt, template, threads"),
        _key("f3", "tokens", "Tokens", "Tint the replies by how sure the model was"),
        _key("ctrl+o", "sessions", "Sessions", "Find, open, rename, fork, delete sessions"),
        _key("ctrl+p", "command_palette", "Palette", "Find what there is to do, and do it"),
        _key("ctrl+z", "suspend_process", "Suspend", "To the shell; fg comes back", show=False),
        _key("ctrl+q", "quit", "Quit", "Leave; everything is saved"),
    ]

    def __init__(
        self,
        opener: Opener,
        models: Models = tuple,
        *,
        take_over: Callable[[], ExitStack] | None = None,
        keeps_history: bool = True,
        lists_sessions: bool = False,
        picks_model: bool = False,
        vi: bool = False,
        title: bool = False,
        notify: float | None = None,
    ) -> None:
        # As our driver asks, and of the title the next one, too.
        self.take_over, self.wants_title = take_over, title
        super().__init__()
        self.chat: Chat | None = None
        self.failure: BaseException | None = None
        self._over: OverChat | None = None
        self._early: list[Typed] = []  # before there is a prompt
        self._opener, self._models = opener, models
        self._lists_sessions, self._picks_model, self._vi = lists_sessions, picks_model, vi
        self.reads_alt = not vi  # as our driver asks
        self._window = Window(
            self.command_terminal, self.show_title, lambda: bool(self.app_focus), notify
        )
        self._history = History(history_file() if keeps_history else None)
        for theme in (INK, PAPER):
            self.register_theme(theme)
        self._own_theme = default_theme(os.environ)
        self._picked_theme = picked_theme(self.available_themes)
        self.theme = self._picked_theme or self._own_theme

    def on_mount(self) -> None:
        self._exit_on_signals()
        self.show_title(self.TITLE)
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        if self._picks_model:
            self.action_pick_model()
        else:
            self.push_screen(OpeningScreen(self._opener, early=self._early))

    @on(OpeningScreen.Opened)
    async def _chat_opened(self, message: OpeningScreen.Opened) -> None:
        from .chat_screen import ChatScreen
        from .over_chat import OverChat

        self.chat, self.failure = message.chat, None
        chat_screen = ChatScreen(message.chat, self._history, self._window, vi=self._vi)
        self._over = OverChat(chat_screen)
        await self.switch_screen(chat_screen)
        prompt, early = chat_screen.composer.prompt, self._early.copy()
        self._early.clear()
        if self._lists_sessions:
            self._lists_sessions = False  # not once more with another model
            prompt.insert(text_of(early))  # in the session that is picked, if in any
            self.action_sessions()
        else:
            for typed in early:  # what is typed now waits for the end of this
                prompt.post_message(typed)

    @on(OpeningScreen.Failed)
    def _opening_failed(self, message: OpeningScreen.Failed) -> None:
        self.failure = message.failure

    @on(OpeningScreen.AnotherWanted)
    def _another_wanted(self) -> None:
        self.action_pick_model()

    def on_prompt_model_wanted(self) -> None:
        """Let the person pick another model."""
        self.action_pick_model()

    on_chat_screen_model_wanted = on_prompt_model_wanted

    def on_input_failed(self, message: InputFailed) -> None:
        """Leave, with all that is there kept: nothing more can be typed."""
        self._keep_draft()
        self.failure = ChatError(
            f"the keyboard can't be read any more: {message.failure!r}",
            "all is saved, the draft too: start again with -c",
        )
        self.exit()

    def on_background_told(self, message: BackgroundTold) -> None:
        """Go by the terminal's own background, unless a theme was picked."""
        self._own_theme = theme_on(message.brightness)
        if not self._picked_theme:
            self.theme = self._own_theme

    def _handle_exception(self, error: Exception) -> None:
        """Leave because of an error that nobody foresaw, which the caller tells about."""
        self._keep_draft()
        self.failure = error.error if isinstance(error, WorkerFailed) else error
        super()._handle_exception(error)

    def _keep_draft(self) -> None:
        chat_screen = self.chat_screen
        self._history.keep_draft(chat_screen.unsent if chat_screen else text_of(self._early))

    async def action_quit(self) -> None:
        """Leave; what waits to be sent is there again at the next start."""
        if not (chat_screen := self.chat_screen):
            self._keep_draft()
        elif chat_screen.is_mounted:
            self._history.keep_draft(chat_screen.composer.queue.unsent)
        await super().action_quit()

    async def on_prompt_left(self) -> None:
        """Leave, as the person wants."""
        await self.action_quit()

    on_chat_screen_left = on_prompt_left

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        if self._over and screen is self.chat_screen:
            yield from self._over.entries()
        yield SystemCommand("Theme", "Light, dark, and many others", self.action_change_theme)

    @property
    def chat_screen(self) -> ChatScreen | None:
        """The chat's screen, None while there is none."""
        chat_screen = self._over and self._over.chat_screen
        return chat_screen if chat_screen in self.screen_stack else None

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Return True for what can be done now, False for what is hidden, None for the greyed."""
        if action not in CHATS_OWN:
            return True
        chat_screen = self.chat_screen
        if chat_screen is None or chat_screen is not self.screen:
            return False
        if action == "sessions":
            return True if chat_screen.chat.store else None
        return True

    def action_help(self) -> None:
        """Show keys and commands."""
        if self._over:
            self._over.open_help()

    def action_command_palette(self) -> None:
        """Find anything."""
        if self._over:
            self._over.open_palette()

    def action_settings(self) -> None:
        """Show the settings."""
        if self._over:
            self._over.open_settings()

    @work
    async def action_sessions(self) -> None:
        """Show all sessions; open the one that the person picks."""
        if self._over:
            await self._over.pick_session()

    @work
    async def action_pick_model(self) -> None:
        """Have a model picked, to open it; a conversation that is open goes on with it."""
        if self.chat_screen and self.chat_screen.say_if_busy():
            return
        picked = await self.push_screen_wait(model_picker(self._models()))
        if picked is None:
            if self.chat is None and self.failure is None:
                self.exit()
            return
        if chat_screen := self.chat_screen:
            await chat_screen.run_command(Command("model", picked.model))
            return
        if isinstance(self.screen, OpeningScreen):
            self.pop_screen()
        self.push_screen(OpeningScreen(self._opener, picked, early=self._early))

    def action_tokens(self) -> None:
        """Tint the replies by how likely each token was, or no more."""
        if chat_screen := self.chat_screen:
            chat_screen.talk.toggle_heat()

    def on_chat_screen_sessions_wanted(self) -> None:
        """Show the sessions."""
        self.action_sessions()

    def action_suspend_process(self) -> None:
        """Suspend the program to its shell, until ``fg``."""
        if has_shell():
            with suppress(SuspendNotSupported), self.suspend():
                stop_until_woken()
        elif chat_screen := self.chat_screen:
            chat_screen.status.say("there is no shell to go back to")

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """Stop the running reply, whose thread has to end before the program can, and leave."""
        if chat_screen := self.chat_screen:
            chat_screen.replies.stop()
        super().exit(result, return_code, message)

    def _remember_theme(self, theme: Theme) -> None:
        # Called for those too that come by themselves, which nobody has picked.
        if theme.name != (self._picked_theme or self._own_theme):
            self._picked_theme = theme.name
            remember_theme(theme.name)

    def _exit_on_signals(self) -> None:
        """Have signals end the app in an orderly way, so that the terminal is what it was."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # the event loop of Windows takes no handlers
            for number in ENDING:
                loop.add_signal_handler(number, self._end_by_signal, number)

    def _end_by_signal(self, number: int) -> None:
        self._keep_draft()
        self.exit(None, SIGNALLED + number)
