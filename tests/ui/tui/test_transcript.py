"""What a reader does with the turns: walk, copy, regenerate, edit, continue, choose, scroll."""

from __future__ import annotations

import asyncio
import base64
import threading
from unittest.mock import patch

import pytest
from textual import events

from llama2ncnn_chat.conversation.chat import Chat
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.ui.tui.transcript import PAGE, Transcript
from llama2ncnn_chat.ui.tui.turn_view import TurnView
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

CODE = "Look:\n\n```python\nprint('hi')\n```\n"


@pytest.fixture(autouse=True)
def no_clipboard_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_walking_by_message() -> None:
    async def scene(stage: Stage) -> None:
        for text in ("one", "two"):
            await stage.send(text)
        transcript = stage.screen.transcript
        await stage.press("shift+tab")
        assert _selected(transcript) == "Second."
        await stage.press("k", "k")
        assert _selected(transcript) == "First."
        await stage.press("g")
        assert _selected(transcript) == "one"
        await stage.press("G")
        assert _selected(transcript) == "Second."
        await stage.press("escape")
        assert transcript.selected is None
        assert stage.screen.focused is stage.screen.composer.prompt

    play(make_chat(Script(["First.", "Second."])), scene)


def test_copying_a_reply_and_its_code() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        await stage.press("shift+tab")
        driver = stage.app._driver
        assert driver
        with patch.object(driver, "write", wraps=driver.write) as write:
            await stage.press("Y")
            await stage.press("y")
        copied = [call.args[0] for call in write.call_args_list if "]52;" in call.args[0]]
        assert [_osc52(sequence) for sequence in copied] == ["print('hi')\n", CODE.strip()]
        assert "copied the reply" in stage.status

    play(make_chat(Script([CODE])), scene)


def test_regenerating_keeps_the_old_reply_beside() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert stage.said == ["hello", "Fancy."]
        assert _foot(stage) == "◂ 2/2 ▸"
        await stage.press("left")
        assert stage.said == ["hello", "First."]
        assert _foot(stage) == "◂ 1/2 ▸"
        await stage.press("left")
        assert "no other one" in stage.notices[-1]
        await stage.press("right")
        assert stage.said == ["hello", "Fancy."]

    play(make_chat(Script(["First.", "Fancy."])), scene)


def test_a_message_that_was_never_edited_walks_its_replies() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "k", "r")
        await stage.idle()
        assert stage.said == ["hello", "Fancy."]
        await stage.press("left")
        assert stage.said == ["hello", "First."]

    play(make_chat(Script(["First.", "Fancy."])), scene)


def test_an_older_reply_is_regenerated_and_nothing_is_lost() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        await stage.press("shift+tab", "k", "k", "r")
        await stage.idle()
        assert stage.said == ["one", "Third."]
        await stage.press("left")
        assert stage.said == ["one", "First.", "two", "Second."]
        await stage.press("right")
        assert stage.said == ["one", "Third."]

    play(make_chat(Script(["First.", "Second.", "Third."])), scene)


def test_editing_an_older_message_happens_when_it_is_sent() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        await stage.press("shift+tab", "g", "e")
        assert stage.draft == "one"
        assert stage.said[2] == "two"
        await stage.press("escape")
        assert stage.draft == ""
        await stage.press("shift+tab", "g", "e")
        await stage.send("uno")
        assert stage.said == ["uno", "Third."]
        assert [t.text for t in stage.screen.chat.session.ledger.roots] == ["one", "uno"]

    play(make_chat(Script(["First.", "Second.", "Third."])), scene)


def test_an_edit_of_an_older_message_that_is_refused_changes_nothing() -> None:
    async def scene(stage: Stage) -> None:
        for text in ("one", "two", "three"):
            await stage.send(text)
        before = stage.said
        await stage.press("shift+tab", "g", "e")
        await stage.send("x" * 500)
        assert stage.draft == "x" * 500
        assert stage.screen.composer.editing is stage.screen.chat.session.ledger.roots[0]
        assert stage.said == before

    play(make_chat(Script(["First.", "Second.", "Third."], context_length=300)), scene)


def test_continuing_undoing_and_redoing() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set max_tokens 3")
        await stage.send("hello")
        assert stage.said[-1] == "abc"
        assert _foot(stage) == "reached max_tokens"
        await stage.press("shift+tab", "c")
        await stage.idle()
        assert stage.said[-1].startswith("abcd")
        await stage.send("/undo")
        assert stage.said == []
        await stage.send("/redo")
        assert stage.said[0] == "hello"

    play(make_chat(Script(["abcdefghijkl"])), scene)


def test_a_long_conversation_has_few_widgets_and_all_can_be_reached() -> None:
    chat = make_chat(Script(["Fine."]))
    _add_exchanges(chat, 250)

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
        assert _selected(stage.screen.transcript) == f"message {PAGE // 2}"
        await stage.press("G")
        assert _selected(stage.screen.transcript) == "reply **249**"
        for _ in range(PAGE + 2):
            await stage.screen.transcript.action_select(-1)
        assert _selected(stage.screen.transcript) == f"reply **{249 - PAGE // 2 - 1}**"
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
    chat = make_chat(Script(["Fine."], gate=gate))
    _add_exchanges(chat, 50)

    async def scene(stage: Stage) -> None:
        transcript = stage.screen.transcript
        await stage.send("go on", wait=False)
        await stage.until(lambda: stage.screen.replies.busy)
        for _ in range(6):
            await stage.press("pageup")
            await stage.pilot.pause()
        at = [view.turn.text for view in _in_sight(stage)]
        assert at
        assert stage.said[-1] != "go on"  # that one is no widget any more
        gate.release(1000)
        await stage.idle()
        assert [view.turn.text for view in _in_sight(stage)] == at
        await stage.press("escape")
        await stage.until(lambda: stage.said[-2:] == ["go on", "Fine."])
        assert transcript.scroll_y == transcript.max_scroll_y

    play(chat, scene)


def test_going_to_what_is_selected_from_far_away() -> None:
    chat = make_chat(Script(["Fine."]))
    _add_exchanges(chat, 50)

    async def scene(stage: Stage) -> None:
        await stage.press("shift+tab")
        for _ in range(8):
            await stage.press("pageup")
            await stage.pilot.pause()
        assert "reply **49**" not in stage.said
        await stage.press("k")
        assert _selected(stage.screen.transcript) == "message 49"
        assert "message 49" in [view.turn.text for view in _in_sight(stage)]

    play(chat, scene)


@pytest.mark.parametrize("key", ["g", "G", "k"])
def test_the_rows_stay_in_order_however_fast_one_moves(key: str) -> None:
    chat = make_chat(Script(["Fine."]))
    _add_exchanges(chat, 50)
    path = chat.session.ledger.path()

    async def scene(stage: Stage) -> None:
        for _ in range(4):
            for each in ("shift+tab", "pageup", "pageup", key):
                stage.app.post_message(events.Key(each, each if len(each) == 1 else None))
            await asyncio.sleep(0.02)
        await stage.pilot.pause(0.3)
        shown = [path.index(view.turn) for view in stage.screen.query(TurnView)]
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        assert stage.draft == ""

    play(chat, scene)


def test_a_cleared_screen_stays_clear_until_the_reader_looks_up() -> None:
    chat = make_chat(Script(["Fine."]))
    _add_exchanges(chat, 50)

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
        await stage.pilot.pause(0.1)
        await stage.press(*keys)
        await stage.until(lambda: "hello" in stage.app.export_screenshot())

    play(make_chat(Script(["Fine."])), scene)


def test_a_tall_terminal_is_filled() -> None:
    chat = make_chat(Script(["Fine."]))
    _add_exchanges(chat, 100)

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: len(stage.screen.query(TurnView)) * 2 > 200)

    play(chat, scene, (80, 110))


def _add_exchanges(chat: Chat, n: int) -> None:
    for i in range(n):
        chat.session.ledger.add(Turn("user", f"message {i}", [1, 5]))
        chat.session.ledger.add(Turn("assistant", f"reply **{i}**", [5], finish="stop"))


def _in_sight(stage: Stage) -> list[TurnView]:
    region = stage.screen.transcript.region
    return [view for view in stage.screen.query(TurnView) if view.region.overlaps(region)]


def _selected(transcript: Transcript) -> str:
    assert transcript.selected
    return transcript.selected.text


def _foot(stage: Stage) -> str:
    return str(list(stage.screen.query("TurnView .foot"))[-1].render())


def _osc52(sequence: str) -> str:
    return base64.b64decode(sequence.split(";")[2].partition("\x07")[0]).decode()
