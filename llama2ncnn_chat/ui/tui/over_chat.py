"""What opens over the chat's screen: help, settings, sessions, and the palette with its entries.

Comes with that screen, once there is a chat. Knows no keys: the app says when.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import SystemCommand

from ...chat import phrases
from ...chat.line import Command
from ...errors import ChatError
from .chat_screen import ChatScreen
from .composer import Composer
from .help_screen import HelpScreen
from .keys import bindings_of, own_bindings
from .palette import Palette, entries
from .prompt import Prompt
from .sessions_screen import SessionsScreen
from .settings_screen import SettingsScreen
from .talk import Talk
from .transcript import Transcript


class OverChat:
    """Opens screens over ``chat_screen``, and does there what comes of them."""

    def __init__(self, chat_screen: ChatScreen) -> None:
        self.chat_screen = chat_screen

    def open_help(self) -> None:
        """Show keys and commands."""
        app = self.chat_screen.app
        sections = [
            ("Everywhere", bindings_of(type(app))),
            ("Writing", [*bindings_of(Prompt), *bindings_of(Composer)]),
            ("Chat", bindings_of(ChatScreen)),
            ("Messages (shift+tab, or a click)", bindings_of(Transcript)),
            ("Token heat (f3)", bindings_of(Talk)),
        ]
        app.push_screen(HelpScreen(sections))

    def open_settings(self) -> None:
        """Show the settings."""
        chat_screen = self.chat_screen
        # Another system prompt takes other room.
        chat_screen.app.push_screen(
            SettingsScreen(chat_screen.chat), lambda _: chat_screen.drawing.update_counts()
        )

    def open_palette(self) -> None:
        """Find anything."""
        self.chat_screen.app.push_screen(Palette())

    def entries(self) -> Iterable[SystemCommand]:
        """Return what the palette has besides the app's own: keys and commands."""
        chat_screen = self.chat_screen
        bindings = own_bindings(type(chat_screen.app), ChatScreen, Composer)
        return entries(chat_screen, bindings)

    async def pick_session(self) -> None:
        """Show all sessions; open the one that the person picks. Awaited in a worker."""
        chat_screen = self.chat_screen
        try:
            screen = SessionsScreen(chat_screen.chat)
        except ChatError as e:
            chat_screen.status.say(phrases.sentence(e))
            return
        open_before = chat_screen.chat.session_id
        picked = await chat_screen.app.push_screen_wait(screen)
        if picked is not None:
            await chat_screen.run_command(Command("load", str(picked)))
        elif chat_screen.chat.session_id != open_before:  # it was deleted
            await chat_screen.drawing.refresh(other=True)
        chat_screen.drawing.show_outside()  # it may have another name
