"""A conversation on the screen: sent, streamed, stopped, refused, taken up again."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from unittest.mock import patch

from textual.geometry import Region
from textual.widgets import Markdown, Static

from convert.streams import printable
from llama2ncnn_chat.paths import crash_log
from llama2ncnn_chat.ui.tui.questions import Confirm
from llama2ncnn_chat.ui.tui.replies import GROUP
from llama2ncnn_chat.ui.tui.suggestion_list import SuggestionList
from llama2ncnn_chat.ui.tui.turn_view import TurnView
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

BAR = "\u258c"


def test_a_message_and_its_reply() -> None:
    async def scene(stage: Stage) -> None:
        assert "-empty" in stage.screen.classes
        await stage.send("Hello")
        assert stage.said == ["Hello", "Hi **there**."]
        assert stage.draft == ""
        assert "-empty" not in stage.screen.classes
        await stage.send("And now?")
        assert stage.said == ["Hello", "Hi **there**.", "And now?", "Bye."]

    play(make_chat(Script(["Hi **there**.", "Bye."])), scene)


def test_a_new_line_of_a_reply_is_a_new_line() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("A poem")
        shown = stage.app.export_screenshot()
        assert "Roses" in shown
        assert "Roses&#160;violets" not in shown

    play(make_chat(Script(["Roses\nviolets\n\nbees"])), scene)


def test_the_reply_streams_and_escape_stops_it() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await stage.send("Hello", wait=False)
        await stage.until(lambda: stage.said[:1] == ["Hello"])
        gate.release(4)
        await stage.until(lambda: stage.said[-1].startswith("abcd"))
        assert "writing" in stage.status
        await stage.press("escape")
        gate.release(50)
        await stage.idle()
        assert "abcd" in stage.said[-1]
        assert len(stage.said[-1]) < 26
        assert stage.screen.chat.session.ledger.path()[-1].finish == "cancelled"
        assert "stopped" in stage.status

    play(make_chat(Script(["abcdefghijklmnopqrstuvwxyz"], gate=gate)), scene)


def test_a_broken_worker_shows_its_error_and_gives_the_text_back() -> None:
    script = Script(["Fine."], failure=ZeroDivisionError("the sky fell"))

    async def scene(stage: Stage) -> None:
        await stage.send("Hello")
        (notice,) = stage.notices
        assert "ZeroDivisionError in" in notice
        assert "the sky" not in crash_log().read_text()
        assert stage.draft == "Hello"
        assert stage.said == []
        await stage.press("enter")
        await stage.idle()
        assert stage.said[-1] == "Fine."

    play(make_chat(script), scene)


def test_a_message_that_cannot_fit_stays_in_the_prompt() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("x" * 100)
        assert stage.draft == "x" * 100
        assert "context of 64" in stage.status
        assert stage.said == []

    play(make_chat(Script(["Hi."], context_length=64)), scene)


def test_nothing_that_is_drawn_commands_the_terminal() -> None:
    evil = "a\x1b[2Jb\x07c\x9b1md\u202ee"
    chat = make_chat(Script([evil]))
    chat.model = replace(chat.model, name=f"/models/{evil}")
    chat.notes.append(evil)

    async def scene(stage: Stage) -> None:
        await stage.send(f"Hello{evil}")
        stage.screen.status.say(evil)
        await stage.pilot.pause()
        drawn = [strip.text for strip in stage.screen._compositor.render_strips()]
        assert sum("a[2Jbc1mde" in line for line in drawn) == 3  # message, reply, status
        assert all(line == printable(line) for line in drawn)
        assert {strip.cell_length for strip in stage.screen._compositor.render_strips()} == {80}

    play(chat, scene)


def test_the_oldest_turns_go_and_a_mark_tells() -> None:
    async def scene(stage: Stage) -> None:
        for i in range(6):
            await stage.send(f"message {i}")
        assert any("the context is full" in notice for notice in stage.notices)
        hidden = [view.row.hidden for view in stage.screen.query(TurnView)]
        assert hidden[0] is True
        assert hidden[-1] is False
        (first,) = (view for view in stage.screen.query(TurnView) if view.row.begins)
        mark, message = (strip.text for strip in first.render_lines(Region(0, 0, 80, 2)))
        assert "sees only what is below" in mark
        assert BAR not in mark  # it is above the message
        assert BAR in message

    play(make_chat(Script(["reply " * 3], context_length=128)), scene)


def test_the_draft_is_counted_while_typing() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(*"hello")
        await stage.until(lambda: "+6 tok" in stage.status)

    play(make_chat(Script(["Hi."], context_length=64)), scene)


def test_commands_tell_and_unknown_ones_never_reach_the_model() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/hlep")
        assert "did you mean /help?" in stage.status
        await stage.send("/set temperature 0.5")
        assert "temperature 0.5" in stage.status
        assert stage.said == []
        await stage.send("//etc is a folder")
        assert stage.said[0] == "/etc is a folder"

    play(make_chat(Script(["Hi."])), scene)


def test_suggestions_come_with_the_slash_and_tab_takes_one() -> None:
    async def scene(stage: Stage) -> None:
        suggestions = stage.screen.query_one(SuggestionList)
        await stage.press("/", "r", "e")
        assert suggestions.display
        await stage.press("down", "tab")
        assert stage.draft.startswith("/")
        await stage.press("escape")
        assert not suggestions.display
        await stage.type("/sta")
        await stage.press("down", "enter")
        assert "no reply yet" in stage.status

    play(make_chat(Script(["Hi."])), scene)


def test_suggestions_leave_the_prompt_in_sight() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("/")
        await stage.pilot.pause()
        prompt = stage.screen.composer.prompt
        assert stage.screen.query_one(SuggestionList).size.height > 1
        assert prompt.region.height > 0
        assert prompt.region.bottom < stage.app.size.height

    play(make_chat(Script(["Hi."])), scene, (40, 12))


def test_a_refused_question_gives_the_message_back() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set on_full ask")
        for i in range(3):
            await stage.send(f"message {i}")
        await stage.send("a message too many", wait=False)
        await stage.press("n")
        assert stage.draft == "a message too many"
        await stage.press("enter", "y")
        await stage.idle()
        assert stage.said[-2] == "a message too many"

    play(make_chat(Script(["reply " * 3], context_length=96)), scene)


def test_a_reply_that_fills_the_context_asks_too() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set on_full ask")
        await stage.send("one")
        await stage.send("two", wait=False)
        await stage.until(lambda: isinstance(stage.app.screen, Confirm))
        await stage.press("y")
        await stage.idle()
        assert stage.said[-1] == "word " * 30 + "end"

    play(make_chat(Script(["ok " * 50, "word " * 30 + "end"], context_length=300)), scene)


def test_a_reply_that_a_stop_string_cuts_says_so() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set stop END")
        await stage.send("go on")
        assert stage.said[-1] == "all of it"
        (foot,) = stage.screen.query("TurnView .foot").results(Static)
        assert str(foot.render()) == "stopped before 'END'"

    play(make_chat(Script(["all of itENDmore"])), scene)


def test_what_a_reply_has_said_is_not_drawn_anew_with_every_token() -> None:
    gate = threading.Semaphore(0)
    head, tail = "# Heron\n\nA *tall* bird.\n\n```python\nbird = 1\n```\n\nIt", " waits " * 12

    async def scene(stage: Stage) -> None:
        await stage.send("Hello", wait=False)
        gate.release(len(head) - 1)
        await stage.until(lambda: stage.said[-1].endswith("It"))
        (markdown,) = stage.screen.query(Markdown)
        await stage.until(lambda: len(markdown.children) == 4)
        before = list(markdown.children)
        parsed: list[str] = []
        with patch.object(
            Markdown, "update", autospec=True, side_effect=lambda _, text: parsed.append(text)
        ):
            for _ in tail:
                gate.release()
                await asyncio.sleep(0.001)
            await stage.until(lambda: stage.said[-1].count("waits") == 12)
            gate.release(50)
            await stage.idle()
        assert parsed == []
        assert list(markdown.children)[:3] == before[:3]

    play(make_chat(Script([head + tail], gate=gate)), scene)


def test_leaving_while_the_thread_of_a_reply_goes_on() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await stage.send("hello", wait=False)
        await stage.until(lambda: stage.screen.chat.view.busy)
        reply = next(worker for worker in stage.app.workers if worker.group == GROUP)
        stage.app.workers.cancel_all()  # as the app does on its way out
        await stage.until(lambda: reply.is_cancelled)
        await stage.pilot.pause()
        gate.release(1000)

    play(make_chat(Script(["Fine."], gate=gate)), scene)
