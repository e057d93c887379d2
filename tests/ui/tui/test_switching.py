"""Another model while a conversation is open: how far it is, what can be typed, and what stands."""

from __future__ import annotations

import threading

from textual.widgets import OptionList

from llama2ncnn_chat.catalogue.listing import ListedModel
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.events import Step
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.questions import Pick
from llama2ncnn_chat.ui.tui.status import PrefillBar
from llama2ncnn_chat.ui.tui.welcome import Welcome
from tests.fakes import ShiftedTokenizer
from tests.switching import model_of, saying
from tests.ui.tui.scripted import DEMO_FACTS, PLAIN, Script, make_chat
from tests.ui.tui.stage import Stage, play, play_app

FACTS = ModelFacts("/models/other", "f2", "q4", 2_000_000)
LISTED = [ListedModel("other", "other", "q4", 2_000_000, "here")]


class Gate:
    """A load that goes on once it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, step: Step) -> Engine:
        report = step("loading other")
        while not self.open.wait(0.005):
            report(1_000_000, 2_000_000)
        return saying(ord("x") + 3)


def test_the_prompt_can_be_used_while_another_model_is_opened() -> None:
    gate = Gate()
    other = model_of(saying(0), FACTS, template=PLAIN.template, load=gate)

    async def scene(stage: Stage) -> None:
        bar = stage.screen.query_one(PrefillBar)
        await stage.send("hello")
        await stage.send("/model other", wait=False)
        await stage.until(lambda: "1 of 2 MB" in str(bar.render()))
        assert "loading other" in str(bar.render())
        assert "opening another model" in stage.status
        await stage.send("and you?", wait=False)
        await stage.until(lambda: stage.screen.composer.queue.unsent == "and you?")
        assert stage.said == ["hello", "Hi."]
        gate.open.set()
        await stage.until(lambda: stage.said == ["hello", "Hi.", "and you?", "x"])
        assert not bar.display
        assert "other q4" in stage.status
        assert stage.notices == ["other answers from now on"]

    play(make_chat(Script(["Hi."]), models={"other": other}), scene)


def test_escape_goes_back_to_the_model_before() -> None:
    gate = Gate()
    other = model_of(saying(0), FACTS, template=PLAIN.template, load=gate)

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.send("/model other", wait=False)
        await stage.until(lambda: "opening" in stage.status)
        await stage.press("escape")
        await stage.idle()
        await stage.until(lambda: "stopped" in stage.status)
        await stage.send("again")
        assert stage.said == ["hello", "Hi.", "again", "Hi."]

    play(make_chat(Script(["Hi."]), models={"other": other}), scene)


def test_leaving_ends_what_is_being_opened() -> None:
    gate = Gate()
    other = model_of(saying(0), FACTS, template=PLAIN.template, load=gate)

    async def scene(stage: Stage) -> None:
        await stage.send("/model other", wait=False)
        await stage.until(lambda: "opening" in stage.status)
        await stage.press("ctrl+q")
        await stage.until(lambda: stage.app._exit)

    play(make_chat(Script(["Hi."]), models={"other": other}), scene)
    assert not gate.open.is_set()


def test_a_failure_is_said_and_the_conversation_goes_on() -> None:
    def fail(_step: Step) -> Engine:
        raise ModelError("other.bin: damaged", "convert it again")

    other = model_of(saying(0), FACTS, template=PLAIN.template, load=fail)

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.send("/model other")
        await stage.until(lambda: "other.bin: damaged; convert it again" in stage.status)
        await stage.send("again")
        assert stage.said == ["hello", "Hi.", "again", "Hi."]
        assert stage.notices == []

    play(make_chat(Script(["Hi."]), models={"other": other}), scene)


def test_the_first_screen_tells_of_the_new_model() -> None:
    other = model_of(saying(0), FACTS)
    chat = make_chat(Script(["Hi."]), facts=DEMO_FACTS, models={"other": other})

    async def scene(stage: Stage) -> None:
        app = stage.app
        await stage.opened()
        await stage.press("4")
        await stage.until(lambda: isinstance(app.screen, Pick))
        assert app.screen.query_one(OptionList).option_count == 1
        await stage.press("enter")
        await stage.until(lambda: "other q4" in stage.status)
        await stage.idle()
        welcome = str(stage.screen.query_one(Welcome).render())
        assert welcome.startswith("other\n")
        assert "other answers from now on" in welcome

    try:
        play_app(ChatApp(lambda *_: chat, lambda: LISTED), scene)
    finally:
        chat.close()


def test_the_list_is_there_without_a_name_and_a_name_is_completed() -> None:
    chat = make_chat(Script(["Hi."]), models={"other": model_of(saying(0), FACTS)})

    async def scene(stage: Stage) -> None:
        await stage.opened()
        await stage.type("/model o")
        await stage.press("tab")
        assert stage.draft == "/model other"
        await stage.send("/model", wait=False)
        await stage.until(lambda: isinstance(stage.app.screen, Pick))
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.screen)

    try:
        play_app(ChatApp(lambda *_: chat, lambda: LISTED), scene)
    finally:
        chat.close()


def test_tinted_replies_have_the_new_models_tokens() -> None:
    other = model_of(
        saying(40 + ord("x")), FACTS, vocabulary=ShiftedTokenizer(), template=PLAIN.template
    )

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("f3")
        await stage.send("/model other")
        (view,) = (view for view in stage.screen.transcript._views() if view.heat)
        assert view.heat
        assert "Hi." in str(view.heat.render())

    play(make_chat(Script(["Hi."]), models={"other": other}), scene)


def test_themes_by_name() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/theme paper")
        assert stage.app.theme == "paper"
        await stage.send("/theme next")
        assert stage.app.theme != "paper"
        await stage.send("/theme papr")
        assert "no theme papr; did you mean paper?" in stage.status

    play(make_chat(Script(["Hi."])), scene)
