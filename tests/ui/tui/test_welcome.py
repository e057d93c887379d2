"""The first minute: what the demo model says of itself, and the keys that begin a conversation."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.catalogue.bundled import ABOUT, STARTERS
from llama2ncnn_chat.ui.tui.questions import Pick
from llama2ncnn_chat.ui.tui.welcome import Welcome
from tests.ui.tui.scripted import DEMO_FACTS, Script, make_chat
from tests.ui.tui.stage import Scene, Stage, play


def play_demo(scene: Scene, size: tuple[int, int] = (80, 24), *, vi: bool = False) -> None:
    play(make_chat(Script(["Yes."]), facts=DEMO_FACTS), scene, size, vi=vi)


def shown(stage: Stage) -> str:
    return str(stage.screen.query_one(Welcome).render())


@pytest.mark.parametrize("key", ["1", "2", "3"])
def test_a_key_writes_a_starter_that_enter_sends(key: str) -> None:
    async def scene(stage: Stage) -> None:
        assert ABOUT in shown(stage)
        starter = STARTERS[int(key) - 1]
        assert f"{key}  {starter}" in shown(stage)
        await stage.press(key)
        assert (stage.draft, stage.said) == (starter, [])
        await stage.press("enter")
        await stage.idle()
        assert stage.said == [starter, "Yes."]
        assert stage.draft == ""
        await stage.press(key)  # there is a conversation now
        assert stage.draft == key

    play_demo(scene)


def test_a_digit_beside_text_is_text() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("a", "1", "backspace", "backspace")
        assert stage.draft == ""
        await stage.press("5", "1")
        assert stage.draft == "51"
        assert stage.said == []

    play_demo(scene)


@pytest.mark.parametrize("text", ["12 plus 5", "3 ideas", "22"])
def test_a_message_may_begin_with_a_digit(text: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(*(" ".join(text).replace("   ", " space ").split()))
        assert (stage.draft, stage.said) == (text, [])

    play_demo(scene)
    play_demo(scene, vi=True)


def test_a_starter_can_be_changed_or_taken_back() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("2", "end", "o", "k")
        assert stage.draft == f"{STARTERS[1]}ok"
        await stage.press("ctrl+c", "1", "backspace")
        assert (stage.draft, stage.said) == ("", [])

    play_demo(scene)


def test_a_starter_leaves_what_is_typed_after_it() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("2", "enter", "o", "k")
        await stage.idle()
        assert stage.said == [STARTERS[1], "Yes."]
        assert stage.draft == "ok"

    play_demo(scene)


def test_a_new_session_offers_them_again() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.send("/new")
        await stage.press("3", "enter")
        await stage.idle()
        assert stage.said == [STARTERS[2], "Yes."]

    play_demo(scene, vi=True)


def test_the_next_key_leads_to_other_models() -> None:
    async def scene(stage: Stage) -> None:
        assert "4  a real model" in shown(stage)
        await stage.press("4")
        await stage.until(lambda: isinstance(stage.app.screen, Pick))
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.screen)
        assert stage.draft == ""

    play_demo(scene)


def test_what_is_not_shown_is_not_offered() -> None:
    async def scene(stage: Stage) -> None:
        assert not stage.screen.query_one(Welcome).display
        await stage.press("1")
        assert stage.draft == "1"

    play_demo(scene, (40, 12))


def test_another_model_has_none() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.screen.query_one(Welcome).display
        await stage.press("1", "4")
        assert stage.draft == "14"

    play(make_chat(Script(["Yes."])), scene)


def test_all_of_it_is_seen_on_a_small_screen() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.screen.max_scroll_y == 0

    for height in (18, 23, 24):
        play_demo(scene, (80, height))


def test_a_long_note_has_room_beside_all_of_it() -> None:
    async def scene(stage: Stage) -> None:
        assert shown(stage).endswith("anew")
        assert stage.screen.max_scroll_y == 0

    chat = make_chat(Script(["Yes."]), facts=DEMO_FACTS)
    chat.notes.append("/home/ann/.cache/llama2ncnn/models/" + "x" * 100 + ": converted anew")
    play(chat, scene)
