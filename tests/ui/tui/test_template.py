"""What a model's own template has to say: what it refuses, what is read again, and first notes."""

from __future__ import annotations

from dataclasses import replace

from llama2ncnn_chat.text.templates.whole import WholeTemplate
from llama2ncnn_chat.ui.tui.welcome import Welcome
from tests.text.templates.shapes import TOKENS, WHOLE
from tests.ui.tui.scripted import PLAIN, Script, make_chat
from tests.ui.tui.stage import Stage, play

LAST = WHOLE["the system prompt in the last message"]
PICKY = (
    "{% if 'bad' in messages[-1].content %}{{ raise_exception('mind your words') }}{% endif %}"
    + LAST
)


def whole(source: str) -> WholeTemplate:
    return WholeTemplate("own", source, tuple(TOKENS.items()), "2024-02-29")


def test_a_message_that_it_refuses_stays_in_the_prompt() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("a good day")
        await stage.until(lambda: " tok" in stage.status)
        await stage.type("a bad day")
        await stage.until(lambda: " tok" not in stage.status)
        await stage.send("a bad day")
        assert "mind your words" in stage.status
        assert stage.draft == "a bad day"
        assert stage.said == []

    play(make_chat(Script(["yes"]), replace(PLAIN, template=whole(PICKY))), scene)


def test_what_is_read_again_is_said() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert "read again" not in stage.status
        await stage.send("more")
        await stage.until(lambda: "tokens are read again" in stage.status)

    chat = make_chat(Script(["yes"]), replace(PLAIN, template=whole(LAST), system="S"))
    play(chat, scene)


def test_what_is_to_be_known_of_a_model_stands_below_its_name() -> None:
    async def scene(stage: Stage) -> None:
        welcome = stage.screen.query_one(Welcome)
        assert welcome.display
        assert str(welcome.render()).endswith("it goes on with your text")
        assert stage.notices == []
        await stage.send("hello")
        assert not welcome.display
        await stage.send("/new")
        assert welcome.display
        assert str(welcome.render()).endswith("help")

    chat = make_chat(Script(["yes"]))
    chat.notes.append("it goes on with your text")
    play(chat, scene)


def test_notes_of_a_conversation_stand_in_it() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        stage.screen.chat.notes.append("something else")
        await stage.screen.drawing.refresh()
        assert stage.notices == ["something else"]

    play(make_chat(Script(["yes"])), scene)


def test_a_model_that_says_nothing_comes_with_a_hint() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert stage.said == ["hello", ""]
        assert "the reply is empty" in stage.notices[-1]
        assert "--raw" in stage.notices[-1]

    play(make_chat(Script([""])), scene)


def test_where_there_is_no_more_of_a_reply_it_is_said() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "c")
        await stage.idle()
        assert stage.notices[-1] == "nothing more came"

    play(make_chat(Script(["yes", ""])), scene)
