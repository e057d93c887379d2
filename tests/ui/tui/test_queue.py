"""Messages that are sent while a reply is written: in sight, in order, never lost."""

from __future__ import annotations

import threading
from pathlib import Path

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.paths import history_file
from llama2ncnn_chat.ui.history import History
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.questions import Confirm
from tests.chatting import do
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play, play_app

REPLIES = ["first reply", "second reply", "third reply", "fourth reply"]


async def queue(stage: Stage, *messages: str) -> None:
    """The first message, which is being answered, and those that wait for its reply."""
    first, *others = messages
    await stage.send(first, wait=False)
    await stage.until(lambda: stage.screen.chat.view.busy)
    for message in others:
        await stage.send(message, wait=False)
        await seen_waiting(stage, message)


async def seen_waiting(stage: Stage, message: str) -> None:
    await stage.until(lambda: message[:40] in waiting(stage))


def waiting(stage: Stage) -> str:
    """What is drawn of the queue; nothing where it isn't seen."""
    drawn = stage.screen.composer.queue
    return str(drawn.render()) if drawn.display else ""


async def all_said(stage: Stage, turns: int) -> None:
    """Wait for so many turns, of which the last has ended."""
    await stage.until(lambda: len(stage.screen.chat.session.ledger.path()) == turns)
    await stage.until(lambda: not stage.screen.chat.view.busy)
    await stage.idle()
    await stage.until(lambda: len(stage.said) == turns)


def fed(chat: Chat) -> list[int]:
    """All ids that went into the engine, in order."""
    return list(chat._completer._engine.fed)  # type: ignore[attr-defined]


def test_what_waits_is_sent_in_order_and_feeds_what_sending_by_hand_does() -> None:
    gate = threading.Semaphore(0)
    by_hand, queued = make_chat(Script(REPLIES)), make_chat(Script(REPLIES, gate=gate))
    by_hand.record_choices()  # as the full screen does
    for message in ("one", "two", "three"):
        do(by_hand, message)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two", "three")
        assert stage.draft == ""
        assert waiting(stage).split("\n")[1:] == ["two", "three"]
        assert "2 waiting" in waiting(stage)
        assert len(stage.screen.chat.session.ledger.path()) <= 2
        gate.release(1000)
        await all_said(stage, 6)
        assert stage.said == ["one", REPLIES[0], "two", REPLIES[1], "three", REPLIES[2]]
        assert waiting(stage) == ""
        assert fed(queued) == fed(by_hand)

    play(queued, scene)


def test_up_and_escape_take_the_last_one_back_and_then_escape_stops() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two", "three", "four")
        await stage.press("up")
        assert stage.draft == "four"
        await stage.press("!", "enter")
        await stage.until(lambda: "four!" in waiting(stage))
        await stage.press("escape")
        assert stage.draft == "four!"
        assert not stage.screen.replies.running.stopping  # type: ignore[union-attr]
        await stage.press("escape")
        gate.release(1000)
        await stage.idle()
        assert stage.screen.chat.session.ledger.path()[-1].finish == "cancelled"
        assert stage.draft == "four!"
        assert waiting(stage).split("\n")[1:] == ["two", "three"]

    play(make_chat(Script(REPLIES, gate=gate)), scene)


def test_a_stop_holds_what_waits_until_enter_on_the_empty_prompt() -> None:
    gate = threading.Semaphore(3)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two", "three")
        await stage.press("ctrl+c")
        gate.release(1000)
        await stage.until(lambda: "2 held" in waiting(stage))
        await stage.idle()
        await stage.send("by hand")  # at once, and what is held stays so
        assert stage.said[-2] == "by hand"
        assert "2 held" in waiting(stage)
        await stage.press("enter")
        await all_said(stage, 8)
        assert stage.said[4::2] == ["two", "three"]

    play(make_chat(Script([*REPLIES], gate=gate)), scene)


def test_an_error_holds_what_waits() -> None:
    gate = threading.Semaphore(0)
    script = Script(REPLIES, gate=gate)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two")
        script.failure = ZeroDivisionError("the sky fell")
        gate.release(1000)
        await stage.until(lambda: "1 held" in waiting(stage))
        await stage.press("ctrl+c", "enter")  # what came back is cleared
        await stage.until(lambda: stage.said[-2:-1] == ["two"])
        await stage.idle()

    play(make_chat(script), scene)


def test_what_does_not_fit_when_its_turn_comes_goes_to_the_prompt_and_holds_the_others() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "x" * 200, "three")
        gate.release(1000)
        await stage.until(lambda: "1 held" in waiting(stage))
        await stage.idle()
        assert "context of 128" in stage.status
        assert stage.draft == "x" * 200
        assert waiting(stage).split("\n")[1:] == ["three"]

    play(make_chat(Script(REPLIES, gate=gate, context_length=128)), scene)


def test_a_bare_word_is_held_when_its_turn_comes_and_enter_sends_it() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "exit", "three")
        gate.release(1000)
        await stage.until(lambda: "2 held" in waiting(stage))
        assert "/exit leaves" in stage.status
        assert waiting(stage).split("\n")[1:] == ["exit", "three"]
        await stage.press("enter")
        await all_said(stage, 6)
        assert stage.said[2::2] == ["exit", "three"]

    play(make_chat(Script(REPLIES, gate=gate)), scene)


def test_a_file_goes_with_the_message_that_waits(tmp_path: Path) -> None:
    notes = "\n".join(f"note {i}" for i in range(20))
    (tmp_path / "notes.txt").write_text(notes)
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await stage.send("one", wait=False)
        await stage.until(lambda: stage.screen.chat.view.busy)
        await stage.send(f"/read {tmp_path / 'notes.txt'}", wait=False)
        await stage.until(lambda: "notes.txt" in str(stage.screen.query_one("#about").render()))
        await stage.send("what is it?", wait=False)
        await stage.until(lambda: "note 0" in waiting(stage))
        assert not stage.screen.query_one("#about").display
        await stage.press("up")
        assert stage.draft.startswith("[")
        assert "notes.txt, " in stage.draft
        assert stage.draft.endswith("] what is it?")
        await stage.press("enter")
        gate.release(1000)
        await all_said(stage, 4)
        assert stage.said[2] == f"{notes}\n\nwhat is it?"

    play(make_chat(Script(REPLIES, gate=gate)), scene)


def test_a_command_does_not_wait_and_an_edit_stays_in_the_prompt() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one")
        await stage.send("/regen", wait=False)
        await stage.until(lambda: "esc stops it" in stage.status)
        await stage.send("/edit", wait=False)
        await stage.until(lambda: stage.draft == "one")
        await stage.press("!", "enter")
        await stage.until(lambda: stage.draft == "one!")
        assert waiting(stage) == ""
        gate.release(1000)
        await all_said(stage, 2)

    play(make_chat(Script(REPLIES, gate=gate)), scene)


def test_another_session_gives_what_is_held_back_to_the_prompt() -> None:
    gate = threading.Semaphore(3)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two", "three")
        await stage.press("ctrl+c")
        gate.release(1000)
        await stage.idle()
        await stage.send("/new")
        await stage.until(lambda: stage.draft == "two\n\nthree")
        assert waiting(stage) == ""
        assert stage.said == []

    play(make_chat(Script(["a long reply"], gate=gate), saved=True), scene)


def test_what_waits_is_there_again_after_leaving() -> None:
    gate = threading.Semaphore(3)
    chat = make_chat(Script(["a long reply"], gate=gate))

    async def scene(stage: Stage) -> None:
        await stage.opened()
        await queue(stage, "one", "two", "three")
        await stage.press("ctrl+q")
        gate.release(1000)
        await stage.until(lambda: stage.app._exit)

    try:
        play_app(ChatApp(lambda *_: chat), scene)
    finally:
        chat.close()
    assert History(history_file()).take_draft() == "two\n\nthree"


def test_an_end_that_nobody_wanted_keeps_what_waits_above_the_draft() -> None:
    gate = threading.Semaphore(3)

    async def scene(stage: Stage) -> None:
        await queue(stage, "one", "two")
        await stage.type("half a thought")
        assert stage.screen.unsent.endswith("two\n\nhalf a thought")
        gate.release(1000)
        await all_said(stage, 4)
        assert stage.draft == "half a thought"

    play(make_chat(Script(REPLIES, gate=gate)), scene)


def test_a_question_about_a_full_context_holds_what_waits() -> None:
    gate = threading.Semaphore(0)
    chat = make_chat(Script(["reply " * 9], context_length=128, gate=gate))
    chat.set_setting("on_full", "ask")

    async def scene(stage: Stage) -> None:
        await queue(stage, "a first message", "a second message", "a third message")
        gate.release(1000)
        await stage.until(lambda: isinstance(stage.app.screen, Confirm))
        await stage.press("n")
        await stage.until(lambda: stage.app.screen is stage.screen)
        assert "held" in waiting(stage)
        await stage.idle()

    play(chat, scene)
