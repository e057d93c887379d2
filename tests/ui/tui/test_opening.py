"""Before there is a chat, and around it: the list of models, and the theme that was chosen."""

from __future__ import annotations

import threading
import time

import pytest
from textual.widgets import Input, OptionList, Static

from llama2ncnn_chat.catalogue.listing import ListedModel
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.events import Step
from llama2ncnn_chat.paths import theme_file
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.keyboard import BackgroundTold
from llama2ncnn_chat.ui.tui.opening_screen import OpeningScreen
from llama2ncnn_chat.ui.tui.questions import Pick
from llama2ncnn_chat.ui.tui.themes import INK, PAPER, default_theme, picked_theme, remember_theme
from tests.ui.tui.opened import MODELS, Opened
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Scene, Stage, play, play_app


def play_picking(scene: Scene, *, picks: bool) -> Opened:
    """The scene begins with the list of models, or with a chat."""
    opened = Opened()

    async def when_there(stage: Stage) -> None:
        app = stage.app
        await stage.until(lambda: isinstance(app.screen, Pick) if picks else bool(app.chat_screen))
        await stage.pilot.pause()
        await scene(stage)

    try:
        play_app(ChatApp(opened, lambda: MODELS, picks_model=picks), when_there)
    finally:
        for chat in opened.chats:
            chat.close()
    return opened


def test_a_model_is_picked_by_keys_and_words() -> None:
    async def scene(stage: Stage) -> None:
        assert _listed(stage) == ["a.bin   /models", "b.ncnn   /models", "demo"]
        await stage.press("down", "up", "down", "enter")
        await stage.opened()
        await stage.send("hello")
        assert stage.said == ["hello", "I am /models/b.ncnn."]

    assert play_picking(scene, picks=True).models == ["/models/b.ncnn"]


def test_typing_filters_the_models() -> None:
    async def scene(stage: Stage) -> None:
        stage.app.screen.query_one(Input).value = "q8 lately"
        await stage.pilot.pause()
        assert _listed(stage) == ["a.bin   /models"]
        await stage.press("enter")
        await stage.opened()

    assert play_picking(scene, picks=True).models == ["/models/a.bin"]


def test_picking_none_leaves() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("escape")
        await stage.until(lambda: stage.app._exit)

    assert play_picking(scene, picks=True).models == []


def test_nobody_is_asked_unless_they_want_it() -> None:
    async def scene(stage: Stage) -> None: ...

    assert play_picking(scene, picks=False).models == [None]


def test_another_model_can_be_chosen_after_one_that_fails() -> None:
    opened = Opened()

    def fails_at_first(step: Step, model: ListedModel | None) -> Chat:
        if model is None:
            raise ModelError("7b.bin: not a model", "name another")
        return opened(step, model)

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: stage.app.failure is not None)
        await stage.press("m")
        await stage.until(lambda: isinstance(stage.app.screen, Pick))
        await stage.press("escape")
        await stage.until(lambda: isinstance(stage.app.screen, OpeningScreen))
        await stage.press("m")
        await stage.until(lambda: isinstance(stage.app.screen, Pick))
        await stage.press("enter")
        await stage.opened()
        assert stage.app.failure is None

    play_app(ChatApp(fails_at_first, lambda: MODELS), scene)
    for chat in opened.chats:
        chat.close()


def test_leaving_ends_what_is_being_converted() -> None:
    ended = threading.Event()

    def convert(step: Step, _model: ListedModel | None) -> Chat:
        report = step("converting 7b.bin")
        try:
            for done in range(10**6):
                report(done, 10**6)
                time.sleep(0.01)
        finally:
            ended.set()
        raise AssertionError("nobody stopped it")

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: "7b.bin" in str(_static(stage, "#opening-step").render()))
        await stage.press("escape")
        await stage.until(lambda: stage.app._exit)

    play_app(ChatApp(convert), scene)
    assert ended.is_set()


def test_the_theme_that_was_chosen_comes_again() -> None:
    async def choose(stage: Stage) -> None:
        assert stage.app.theme == INK.name
        assert not theme_file().exists()
        stage.app.theme = PAPER.name
        await stage.until(theme_file().exists)

    async def again(stage: Stage) -> None:
        assert stage.app.theme == PAPER.name
        stage.app.theme = INK.name
        await stage.until(lambda: theme_file().read_text() == "ink\n")

    play(make_chat(Script(["Hi."])), choose)
    play(make_chat(Script(["Hi."])), again)


@pytest.mark.parametrize("chosen", ["no-such-theme", "", "\0"])
def test_a_theme_that_is_not_known_is_none(chosen: str) -> None:
    remember_theme(chosen)
    assert picked_theme([INK.name, PAPER.name]) is None
    remember_theme(PAPER.name)
    assert picked_theme([INK.name, PAPER.name]) == PAPER.name


def test_light_or_dark_as_the_terminal_is() -> None:
    assert default_theme({}) == INK.name
    assert default_theme({"COLORFGBG": "0;15"}) == PAPER.name

    async def scene(stage: Stage) -> None:
        stage.app.post_message(BackgroundTold(0.95))
        await stage.until(lambda: stage.app.theme == PAPER.name)
        stage.app.post_message(BackgroundTold(0.1))
        await stage.until(lambda: stage.app.theme == INK.name)
        await stage.pilot.pause()
        assert not theme_file().exists()
        stage.app.theme = "nord"
        await stage.until(theme_file().exists)
        stage.app.post_message(BackgroundTold(0.95))
        await stage.pilot.pause()
        assert stage.app.theme == "nord"
        assert theme_file().read_text() == "nord\n"

    play(make_chat(Script(["Hi."])), scene)


def _static(stage: Stage, selector: str) -> Static:
    return stage.app.screen.query_one(selector, Static)


def _listed(stage: Stage) -> list[str]:
    options = stage.app.screen.query_one(OptionList).options
    return [str(option.prompt).split("\n")[0] for option in options]
