"""Plays a scene on the app without a terminal, and waits for what a scene needs to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot
from textual.widgets import Markdown, Static

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.chat_screen import ChatScreen
from llama2ncnn_chat.ui.tui.row_scroll import Notice
from llama2ncnn_chat.ui.tui.status import StatusLine
from llama2ncnn_chat.ui.tui.turn_view import TurnView

PATIENCE = 10.0


class Stage:
    """One app under test."""

    def __init__(self, app: ChatApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> ChatScreen:
        screen = self.app.chat_screen
        assert screen
        return screen

    @property
    def draft(self) -> str:
        return self.screen.composer.prompt.text

    @property
    def status(self) -> str:
        """The line at the bottom, and what is said above it for a moment."""
        return " ".join(self.screen.query_one(StatusLine).render().plain.split())

    @property
    def said(self) -> list[str]:
        """The turns on the screen; one that was mounted just now may not have its text yet."""
        return [_text(view) for view in self.screen.query(TurnView) if view.query(".said")]

    @property
    def selected(self) -> str:
        """The turn under the transcript's cursor."""
        transcript = self.screen.transcript
        row = transcript.row_of(transcript.selected)
        assert row
        return row.text

    @property
    def notices(self) -> list[str]:
        return [str(notice.render()) for notice in self.screen.query(Notice)]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Into the prompt, all at once."""
        self.screen.composer.set_draft(text)
        await self.pilot.pause(0)

    async def send(self, text: str, *, wait: bool = True) -> None:
        """A line, and its reply to the end."""
        await self.type(text)
        if self.screen.composer.prompt.suggesting:
            self.screen.composer.close_topmost()
        await self.press("enter")
        if wait:
            await self.idle()

    async def idle(self) -> None:
        await self.until(lambda: not self.screen.replies.running)
        await self.pilot.pause()

    async def opened(self) -> None:
        """Wait for a chat's screen with all that it is made of."""
        await self.until(lambda: hasattr(self.app.chat_screen, "replies"))
        await self.pilot.pause()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that a thread or a timer brings about."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not true():
            assert asyncio.get_running_loop().time() < deadline, "waited in vain"
            await asyncio.sleep(0.005)


Scene = Callable[[Stage], Awaitable[None]]


def play(chat: Chat, scene: Scene, size: tuple[int, int] = (80, 24), *, vi: bool = False) -> None:
    """Run an app with this chat for the time of a scene, which begins when it is there."""

    async def with_chat(stage: Stage) -> None:
        await stage.opened()
        await scene(stage)

    try:
        play_app(ChatApp(lambda *_: chat, vi=vi), with_chat, size)
    finally:
        chat.close()


def play_app(app: ChatApp, scene: Scene, size: tuple[int, int] = (80, 24)) -> None:
    """Run an app for the time of a scene, which begins at once."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await scene(Stage(app, pilot))

    asyncio.run(run())


def _text(view: TurnView) -> str:
    said = view.query_one(".said")
    return said.source if isinstance(said, Markdown) else str(_static(said).render())


def _static(widget: object) -> Static:
    assert isinstance(widget, Static)
    return widget
