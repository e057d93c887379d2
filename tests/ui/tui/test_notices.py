"""What is said beside the conversation: for a moment in the status line, or under a heading."""

from __future__ import annotations

import pytest
from textual.widgets import Footer

from llama2ncnn_chat.ui.tui.row_scroll import Notice
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_refusals_and_confirmations_leave_the_conversation_alone() -> None:
    async def scene(stage: Stage) -> None:
        for line, told in [
            ("/hlep", "did you mean /help?"),
            ("/set temperature 0.5", "temperature 0.5"),
            ("/set temperature hot", "temperature"),
            ("/system Be brief.", "system prompt: Be brief."),
            ("/stats", "there is no reply yet"),
        ]:
            await stage.send(line)
            assert told in stage.status
        assert stage.notices == []
        assert "-empty" in stage.screen.classes

    play(make_chat(Script(["Hi."])), scene)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45)])
def test_a_long_refusal_is_whole_for_a_moment_and_then_gone(size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("x" * 100)
        await stage.pilot.pause()
        status = stage.screen.status
        drawn = [strip.text for strip in stage.screen._compositor.render_strips()]
        shown = " ".join("".join(drawn[status.region.y : status.region.bottom]).split())
        assert status.hint in shown
        assert shown.endswith("/64")  # the count stays in sight
        assert stage.screen.query_one(Footer).region.bottom == size[1]
        status._clear_hint()  # what the timer does
        await stage.pilot.pause()
        assert status.size.height == 1

    play(make_chat(Script(["Hi."], context_length=64)), scene, size)


def test_nothing_ticks_once_a_notice_is_gone() -> None:
    async def scene(stage: Stage) -> None:
        stage.screen.status.say("a moment", 0.01)
        await stage.until(lambda: not stage.screen.status.hint)
        timer = stage.screen.status._hinting
        assert timer
        assert timer._repeat == 0

    play(make_chat(Script(["Hi."])), scene)


def test_what_a_command_prints_stands_under_it_and_escape_clears_it() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.send("/context")
        await stage.send("/show")
        assert [text.partition("\n")[0] for text in stage.notices] == [
            "/context   esc clears this",
            "/show   esc clears this",
        ]
        await stage.press("shift+tab", "escape")
        assert len(stage.notices) == 2  # this one went to the prompt
        await stage.press("escape")
        assert stage.notices == []
        assert stage.said == ["hello", "Hi."]

    play(make_chat(Script(["Hi."])), scene)


def test_what_is_printed_before_there_is_a_conversation_gives_its_place_back() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/help")
        assert "-empty" not in stage.screen.classes
        await stage.press("escape")
        assert "-empty" in stage.screen.classes

    play(make_chat(Script(["Hi."])), scene)


def test_escape_leaves_what_is_said_of_the_conversation_itself() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.screen.drawing.add_notice("the oldest turn is out of sight")
        await stage.send("/context")
        await stage.press("escape")
        assert stage.notices == ["the oldest turn is out of sight"]

    play(make_chat(Script(["Hi."])), scene)


def test_a_command_that_asked_first_is_named_too() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("walrus")
        await stage.send("/new")
        await stage.send("/delete 1")
        await stage.pilot.pause()
        await stage.press("y")
        await stage.until(lambda: bool(stage.screen.query(Notice)))
        assert stage.notices[0].startswith("/delete 1   esc")

    play(make_chat(Script(["Hi."]), saved=True), scene)


def test_a_bare_word_gets_a_hint_and_a_second_enter_sends_it() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("quit")
        assert "/quit leaves; send 'quit' again" in stage.status
        assert stage.draft == "quit"
        assert stage.said == []
        await stage.press("enter")
        await stage.idle()
        assert stage.said == ["quit", "Hi."]
        assert stage.draft == ""

    play(make_chat(Script(["Hi."])), scene)


def test_one_escape_goes_to_the_end_where_nothing_is_printed() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert not stage.screen.transcript.has_prints
        await stage.press("pageup", "escape")
        await stage.pilot.pause()
        transcript = stage.screen.transcript
        assert transcript.scroll_y == transcript.max_scroll_y

    play(make_chat(Script(["line\n" * 60])), scene)
