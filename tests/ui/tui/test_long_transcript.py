"""Conversations longer than the screen: few widgets, and the reader stays where they are."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual import events

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.ui.tui.row_scroll import PAGE
from llama2ncnn_chat.ui.tui.turn_view import TurnView
from tests.chatting import answering, do, echo, stored_chat
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_a_long_conversation_has_few_widgets_and_all_can_be_reached() -> None:
    chat = _long_chat(250)

    async def scene(stage: Stage) -> None:
        transcript = stage.screen.transcript
        await stage.until(lambda: transcript.scroll_y >= transcript.size.height)
        assert PAGE <= len(stage.screen.query(TurnView)) <= 3 * PAGE
        assert stage.said[-1] == "reply **249**"
        await stage.press("shift+tab", "g")
        assert stage.said[0] == "message 0"
        assert len(stage.screen.query(TurnView)) <= 3 * PAGE
        for _ in range(PAGE):
            await stage.screen.transcript.action_select(1)
        assert stage.selected == f"message {PAGE // 2}"
        await stage.press("G")
        assert stage.selected == "reply **249**"
        for _ in range(PAGE + 2):
            await stage.screen.transcript.action_select(-1)
        assert stage.selected == f"reply **{249 - PAGE // 2 - 1}**"
        await stage.send("one more thing")
        assert stage.said[-2:] == ["one more thing", "Fine."]

    play(chat, scene)


def test_the_reader_is_left_where_they_are() -> None:
    gate = threading.Semaphore(1000)

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        transcript = stage.screen.transcript
        assert transcript.scroll_y == transcript.max_scroll_y > 0
        while gate.acquire(blocking=False):
            pass
        await stage.send("go on", wait=False)
        await stage.press("pageup")
        at, before = transcript.scroll_y, transcript.max_scroll_y
        assert at < before
        gate.release(1000)
        await stage.idle()
        assert transcript.max_scroll_y > before
        assert transcript.scroll_y == at

    play(make_chat(Script(["line\n\n" * 20], gate=gate)), scene)


def test_a_reader_far_away_is_left_there_when_the_reply_ends() -> None:
    gate = threading.Semaphore(0)
    chat = _long_chat(50, gate=gate)

    async def scene(stage: Stage) -> None:
        transcript = stage.screen.transcript
        await stage.send("go on", wait=False)
        await stage.until(lambda: stage.screen.chat.view.busy)
        for _ in range(6):
            await stage.press("pageup")
            await stage.pilot.pause()
        at = [view.row.text for view in _in_sight(stage)]
        assert at
        assert stage.said[-1] != "go on"  # that one is no widget any more
        gate.release(1000)
        await stage.idle()
        assert [view.row.text for view in _in_sight(stage)] == at
        await stage.press("escape")
        await stage.until(lambda: stage.said[-2:] == ["go on", "Fine."])
        assert transcript.scroll_y == transcript.max_scroll_y

    play(chat, scene)


def test_going_to_what_is_selected_from_far_away() -> None:
    chat = _long_chat(50)

    async def scene(stage: Stage) -> None:
        await stage.press("shift+tab")
        for _ in range(8):
            await stage.press("pageup")
            await stage.pilot.pause()
        assert "reply **49**" not in stage.said
        await stage.press("k")
        assert stage.selected == "message 49"
        assert "message 49" in [view.row.text for view in _in_sight(stage)]

    play(chat, scene)


@pytest.mark.parametrize("key", ["g", "G", "k"])
def test_the_rows_stay_in_order_however_fast_one_moves(key: str) -> None:
    chat = _long_chat(50)
    path = [turn.id for turn in chat.session.ledger.path()]

    async def scene(stage: Stage) -> None:
        for _ in range(4):
            for each in ("shift+tab", "pageup", "pageup", key):
                stage.app.post_message(events.Key(each, each if len(each) == 1 else None))
            for _ in range(50):  # turns of the loop, in which some of it is under way
                await asyncio.sleep(0)
        await _settled(stage)
        shown = [path.index(view.row.id) for view in stage.screen.query(TurnView)]
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        assert stage.draft == ""

    play(chat, scene)


def test_a_cleared_screen_stays_clear_until_the_reader_looks_up() -> None:
    chat = _long_chat(50)

    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+l")
        assert stage.said == []
        await stage.send("go on")
        assert stage.said == ["go on", "Fine."]
        await stage.press("pageup")
        await stage.until(lambda: "message 49" in stage.said)

    play(chat, scene)


@pytest.mark.parametrize("keys", [("pageup",), ("shift+tab", "k")])
def test_a_short_conversation_comes_back_after_a_cleared_screen(keys: tuple[str, ...]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.send("you")
        await stage.press("ctrl+l")
        await stage.until(lambda: "hello" not in stage.app.export_screenshot())
        await stage.press(*keys)
        await stage.until(lambda: "hello" in stage.app.export_screenshot())

    play(make_chat(Script(["Fine."])), scene)


def test_a_tall_terminal_is_filled() -> None:
    chat = _long_chat(100)

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: len(stage.screen.query(TurnView)) * 2 > 200)

    play(chat, scene, (80, 110))


def test_what_is_drawn_of_a_reply_alone_is_the_whole_path() -> None:
    """In a context that is full: the oldest turns go out of sight."""
    chat = stored_chat(engine=answering(echo, context_length=300))

    async def scene(stage: Stage) -> None:
        for n in range(12):
            await stage.send(f"message {n}")
            assert stage.screen.transcript._rows == chat.view.rows()
        assert 0 < len(chat.session.rows(in_sight=True)) < len(chat.view.rows()) == 24
        for line in ("/regenerate", "/undo 11", "another way"):
            await stage.send(line)
            assert stage.screen.transcript._rows == chat.view.rows()

    play(chat, scene)


def test_a_reply_into_a_copy_draws_all_of_it() -> None:
    first = stored_chat(engine=answering(echo, context_length=300))
    for n in range(8):
        do(first, f"message {n}")
    second = stored_chat(engine=answering(echo, context_length=300))
    second.resume(1)

    async def scene(stage: Stage) -> None:
        await stage.send("mine")
        assert stage.screen.transcript._rows == second.view.rows()
        assert second.session_id == 2

    play(second, scene)
    first.close()


def _long_chat(n: int, gate: threading.Semaphore | None = None) -> Chat:
    """A chat of ``n`` exchanges, in which whatever is said next is answered with "Fine."."""
    chat = make_chat(Script(["Fine."], gate=gate))
    for i in range(n):
        chat.session.ledger.add(Turn("user", f"message {i}", [1, 5]))
        chat.session.ledger.add(Turn("assistant", f"reply **{i}**", [5], finish="stop"))
    return chat


async def _settled(stage: Stage) -> None:
    """Wait until all keys that were typed are heard, and the rows are what they ask for."""
    transcript = stage.screen.transcript
    for _ in ("the app", "the screen", "a widget"):  # each passes them on
        await stage.pilot.pause()
    await stage.until(lambda: not (transcript._extending or transcript._changing.locked()))
    await stage.pilot.pause()


def _in_sight(stage: Stage) -> list[TurnView]:
    region = stage.screen.transcript.region
    return [view for view in stage.screen.query(TurnView) if view.region.overlaps(region)]
