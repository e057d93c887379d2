"""A message on the screen is read while it is typed; what is pressed then goes first."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.model.engine import Cancelled
from tests.chatting import answering, bytes_of, echo, make_chat, stored_chat, transcript
from tests.fakes import Float32, ScriptedEngine
from tests.ui.tui.stage import Stage, play


def read(engine: ScriptedEngine) -> str:
    return bytes_of(engine.fed).decode()


def test_what_is_typed_is_read_before_it_is_sent() -> None:
    engine = answering(echo)

    async def scene(stage: Stage) -> None:
        await stage.press(*"what do you")
        await stage.until(lambda: "what do" in read(engine))
        fed = len(engine.fed)
        await stage.press("space", *"say")
        await stage.press("enter")
        await stage.idle()
        assert stage.said == ["what do you say", "You said what do you say."]
        assert read(engine).count("[INST] what do") == 1
        assert len(engine.fed) - fed < len(" you say [/INST] You said what do you say.[INST] ") + 4

    play(make_chat(engine), scene)


def test_a_system_prompt_is_read_at_once_and_another_as_well() -> None:
    engine = answering(echo)
    chat = stored_chat(engine=engine, settings=Settings(system="Be brief, and be kind."))

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: "be kind." in read(engine))
        await stage.type("/system Be long.")
        await stage.press("enter")
        await stage.until(lambda: b"Be long." in bytes_of(engine.ids))
        assert transcript(chat) == []

    play(chat, scene)


def test_a_message_that_is_edited_leaves_what_is_read_alone() -> None:
    engine = answering(echo)

    async def scene(stage: Stage) -> None:
        await stage.send("hello to you")
        there = list(engine.ids)
        await stage.type("/edit")
        stage.screen.composer.close_topmost()
        await stage.press("enter")
        await stage.until(lambda: stage.draft == "hello to you")
        await stage.press(*" and more and more")
        counted = stage.screen.status
        await stage.until(lambda: (counted.context.draft or 0) > len("hello to you and more"))
        assert engine.ids[: len(there)] == there

    play(make_chat(engine), scene)


class Gated(ScriptedEngine):
    """An engine that reads nothing but while its gate is open, and asks all the while."""

    def __init__(self) -> None:
        super().__init__(answering(echo)._next, context_length=2000)
        self.gate, self.asks = threading.Event(), 0

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        while not self.gate.wait(0.005) and not (cancelled and cancelled()):
            self.asks += 1
        return super().forward(ids, cancelled)


def test_a_message_is_sent_in_the_middle_of_it() -> None:
    engine = Gated()

    async def scene(stage: Stage) -> None:
        await stage.press(*"hello to you")
        await stage.until(lambda: engine.asks > 3)
        await stage.press(*"!!")
        await stage.press("enter")
        await stage.until(lambda: stage.said[:1] == ["hello to you!!"])
        assert engine.fed == []
        engine.gate.set()
        await stage.idle()
        assert stage.said[1:] == ["You said hello to you!!."]

    play(make_chat(engine), scene)


def test_a_command_that_is_entered_in_the_middle_of_it_is_not_refused() -> None:
    engine = Gated()
    chat = stored_chat(engine=engine)

    async def scene(stage: Stage) -> None:
        for command in ("/new", "/set threads 1", "/system Be brief."):
            await stage.press(*"hello to you and me")
            asked = engine.asks
            await stage.until(lambda asked=asked: engine.asks > asked)  # type: ignore[misc]
            await stage.type(command)
            stage.screen.composer.close_topmost()
            await stage.press("enter")
            await stage.until(lambda: stage.draft == "")
            assert "being written" not in stage.status
        assert chat.settings.system == "Be brief."

    play(chat, scene)
