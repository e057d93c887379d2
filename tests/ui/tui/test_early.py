"""What is typed before there is a prompt, and the picture that stands there until then."""

from __future__ import annotations

import threading

import pytest
from textual.events import Paste
from textual.widgets import Static

from llama2ncnn_chat.catalogue.listing import ListedModel
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.events import Step
from llama2ncnn_chat.paths import history_file
from llama2ncnn_chat.ui.first_picture import TITLE, title_at
from llama2ncnn_chat.ui.history import History
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.opening_screen import OpeningScreen
from llama2ncnn_chat.ui.tui.sessions_screen import SessionsScreen
from tests.ui.tui.opened import MODELS, OpenedLate
from tests.ui.tui.stage import PATIENCE, Stage, play_app


@pytest.mark.parametrize("size", [(80, 24), (140, 45), (41, 13)])
def test_the_title_stands_where_the_picture_before_has_it(size: tuple[int, int]) -> None:
    begun, leave = threading.Event(), threading.Event()

    def open_late(_step: Step, _model: ListedModel | None) -> Chat:
        begun.set()
        leave.wait(PATIENCE)
        raise ModelError("7b.bin: not a model", "name another")

    async def scene(stage: Stage) -> None:
        try:
            await stage.until(begun.is_set)
            title = stage.app.screen.query_one(".title", Static)
            await stage.until(lambda: title.region.width > 0)
            assert title.content_region.offset == title_at(*size)
            assert str(title.render()) == TITLE
        finally:
            leave.set()

    play_app(ChatApp(open_late, lambda: MODELS), scene, size)


async def type_early(stage: Stage, opened: OpenedLate, *keys: str) -> None:
    """Press keys before there is a chat, and have it opened then."""
    await stage.until(lambda: isinstance(stage.app.screen, OpeningScreen))
    await stage.press(*keys)
    opened.opens.set()
    await stage.opened()


def test_what_is_typed_before_there_is_a_prompt_comes_into_it() -> None:
    opened = OpenedLate()

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: isinstance(stage.app.screen, OpeningScreen))
        await stage.press(*"quick", "backspace", "left", "backspace")
        stage.app.post_message(Paste("pasted\n"))
        await stage.press("é", "end")
        opened.opens.set()
        await stage.opened()
        await stage.press("!")
        chat_screen = stage.app.chat_screen
        assert chat_screen is not None
        await stage.until(lambda: chat_screen.composer.unsent == "qupasted\néc!")
        assert stage.app.chat is opened.chats[-1]

    play_app(ChatApp(opened, lambda: MODELS), scene)
    opened.chats[0].close()


def test_a_message_that_is_sent_before_there_is_a_chat_is_answered() -> None:
    opened = OpenedLate()

    async def scene(stage: Stage) -> None:
        await type_early(stage, opened, *"hello", "enter")
        await stage.until(lambda: stage.said == ["hello", "I am None."])

    play_app(ChatApp(opened, lambda: MODELS), scene)
    opened.chats[0].close()


@pytest.mark.parametrize("is_left", [False, True])
def test_what_was_typed_in_vain_is_there_at_the_next_start(is_left: bool) -> None:
    """Opening fails, or is left before it has come to an end."""
    goes_on = threading.Event()

    def open_in_vain(_step: Step, _model: ListedModel | None) -> Chat:
        goes_on.wait(PATIENCE)
        raise ModelError("7b.bin: not a model", "name another")

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: isinstance(stage.app.screen, OpeningScreen))
        await stage.press(*"hellp", "backspace", *"o you", "enter")
        if is_left:
            await stage.press("escape")
            goes_on.set()
        else:
            goes_on.set()
            await stage.until(lambda: stage.app.failure is not None)
            await stage.press("q")
        await stage.until(lambda: stage.app._exit)

    play_app(ChatApp(open_in_vain, lambda: MODELS), scene)
    assert History(history_file()).take_draft() == "hello you"


def test_what_was_typed_before_a_list_of_sessions_waits_behind_it() -> None:
    opened = OpenedLate()

    async def scene(stage: Stage) -> None:
        await type_early(stage, opened, *"hello", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, SessionsScreen))
        chat_screen = stage.app.chat_screen
        assert chat_screen is not None
        assert chat_screen.composer.unsent == "hello"
        assert stage.said == []

    play_app(ChatApp(opened, lambda: MODELS, lists_sessions=True), scene)
    opened.chats[0].close()
