"""What a person typed is never lost, and never taken for something else."""

from __future__ import annotations

import threading
from pathlib import Path

from textual import events
from textual.command import CommandList
from textual.widgets import Input

from llama2ncnn_chat.ui.tui.palette import Palette
from llama2ncnn_chat.ui.tui.sessions_screen import SessionsScreen
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

PASTED = "\n".join(f"line {i}" for i in range(30))
LABEL = "[Pasted text #1 +30 lines]"


def burst(stage: Stage, *keys: str) -> None:
    """Keys that come faster than anything is drawn."""
    for key in keys:
        stage.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def paste(stage: Stage, text: str) -> None:
    stage.screen.composer.prompt.post_message(events.Paste(text))
    await stage.pilot.pause()


def test_enter_runs_what_is_typed_and_no_longer_suggestion(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("mine")

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.type(f"/export {tmp_path}/x.json")
        assert stage.screen.composer.prompt.suggesting
        await stage.press("enter")
        await stage.until(lambda: (tmp_path / "x.json").exists())
        assert (tmp_path / "x.jsonl").read_text() == "mine"
        await stage.type("/contex")
        await stage.press("enter")
        await stage.until(lambda: "no command /contex" in stage.status)

    play(make_chat(Script(["Hi."])), scene)


def test_tab_and_a_choice_with_the_arrows_take_a_suggestion() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("/und")
        await stage.press("tab")
        assert stage.draft == "/undo"
        await stage.type("/conte")
        await stage.press("down", "enter")
        await stage.until(lambda: "free" in "".join(stage.notices))
        await stage.type("/he")
        await stage.press("down", "l", "enter")  # it was chosen for another text
        await stage.until(lambda: "no command /hel" in stage.status)

    play(make_chat(Script(["Hi."])), scene)


def test_words_and_enter_in_the_palette_run_what_they_find() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("ctrl+p")
        await stage.until(lambda: isinstance(stage.app.screen, Palette))
        found = stage.app.screen.query_one(CommandList)
        await stage.until(lambda: found.highlighted is not None)
        words = stage.app.screen.query_one(Input)
        words.value = "/context"
        await words.action_submit()  # before anything was looked for
        await stage.until(lambda: "free" in "".join(stage.notices))

    play(make_chat(Script(["Hi."])), scene)


def test_words_and_enter_in_the_list_open_what_they_find() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("walrus")
        await stage.send("/new")
        await stage.send("hello")
        await stage.press("ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, SessionsScreen))
        stage.app.screen.query_one(Input).focus()
        await stage.pilot.pause()
        burst(stage, *"walrus", "enter")
        await stage.until(lambda: "session 1" in stage.status)
        assert stage.said[0] == "walrus"

    play(make_chat(Script(["Hi."]), saved=True), scene)


def test_a_draft_that_is_cleared_can_be_had_again() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("half a thought")
        await stage.press("ctrl+c")
        assert stage.draft == ""
        await stage.press("ctrl+underscore")
        assert stage.draft == "half a thought"
        await stage.press("ctrl+c", "up")
        assert stage.draft == "half a thought"

    play(make_chat(Script(["Hi."])), scene)


def test_ctrl_c_stops_a_reply_before_it_clears_a_draft() -> None:
    gate = threading.Semaphore(3)

    async def scene(stage: Stage) -> None:
        await stage.send("hello", wait=False)
        await stage.until(lambda: stage.said[-1:] == ["long"])
        await stage.type("next")
        await stage.press("ctrl+c")
        assert stage.draft == "next"
        gate.release(1000)
        await stage.idle()
        assert len(stage.said[-1]) < len("long reply")
        await stage.press("ctrl+c")
        assert stage.draft == ""

    play(make_chat(Script(["long reply"], gate=gate)), scene)


def test_a_draft_that_something_else_replaces_goes_to_the_history() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.type("half a thought")
        await stage.press("ctrl+r", *"one", "enter")
        await stage.until(lambda: stage.draft == "one")
        await stage.press("up")
        assert stage.draft == "half a thought"
        await stage.press("shift+tab", "k", "e", "!", "escape")
        await stage.press("ctrl+r", *"one!", "enter")
        await stage.until(lambda: stage.draft == "one!")

    play(make_chat(Script(["Hi."])), scene)


def test_a_folded_paste_is_one_unit() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("see ")
        await paste(stage, PASTED)
        await stage.press(*" now")
        assert stage.draft == f"see {LABEL} now"
        await stage.press("left", "left", "left", "left", "left", "left", "x")
        assert stage.draft == f"see {LABEL}x now"
        await stage.press("backspace", "backspace")
        assert stage.draft == "see  now"
        await stage.press("ctrl+underscore")
        assert LABEL in stage.draft
        await stage.press("end", "enter")
        await stage.idle()
        assert PASTED in stage.said[0]

    play(make_chat(Script(["Hi."])), scene)


def test_a_refused_message_comes_back_with_its_paste_folded() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("see ")
        await paste(stage, PASTED)
        await stage.press(*" now", "enter")
        await stage.until(lambda: "context of" in stage.status)
        assert stage.draft == f"see {LABEL} now"
        assert PASTED in str(stage.screen.composer.draft)

    play(make_chat(Script(["Hi."], context_length=100)), scene)


def test_a_paste_in_a_command_is_meant_in_full() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.type("/edit ")
        await paste(stage, PASTED)
        await stage.press("enter")
        await stage.until(lambda: stage.said[:1] == [PASTED])
        await stage.idle()

    play(make_chat(Script(["Hi."])), scene)


def test_a_session_that_a_command_deletes_can_be_brought_back() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("walrus")
        await stage.send("/new")
        await stage.send("/delete 1")
        await stage.until(lambda: "/undelete" in "".join(stage.notices))
        assert stage.app.chat
        assert stage.app.chat.store
        assert stage.app.chat.store.list() == []
        await stage.press("ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, SessionsScreen))
        await stage.press("ctrl+z")
        assert [info.id for info in stage.app.chat.store.list()] == [1]
        await stage.press("escape")
        stage.app.chat.delete(1)
        await stage.send("/undelete")
        await stage.until(lambda: "is back" in "".join(stage.notices))

    play(make_chat(Script(["Hi."]), saved=True), scene)


def test_that_the_open_session_can_be_brought_back_stays_on_the_screen() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("walrus")
        await stage.send("/delete")
        await stage.until(lambda: "a new session" in stage.status)
        assert stage.said == []
        assert "/undelete brings it back" in "".join(stage.notices)

    play(make_chat(Script(["Hi."]), saved=True), scene)
