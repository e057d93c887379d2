"""The row that says how much more there is below what a reader sees."""

from __future__ import annotations

import re
import threading

from llama2ncnn_chat.ui.tui.more_below import MoreBelow
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

LINES = "".join(f"line {n}\n" for n in range(60))


def drawn(stage: Stage) -> list[str]:
    """The rows of the screen."""
    return [strip.text.strip() for strip in stage.screen._compositor.render_strips()]


def last_line(stage: Stage) -> int:
    """The number of the last line of a reply that is to be seen."""
    return max(int(n) for row in drawn(stage) for n in re.findall(r"\bline (\d+)", row))


def test_a_reader_who_has_scrolled_up_sees_how_much_is_below() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        transcript = stage.screen.transcript
        assert last_line(stage) == 59
        assert transcript.below == ""
        before = transcript.region
        await stage.press("pageup")
        await stage.until(lambda: transcript.below != "")
        await stage.pilot.pause()
        below = 59 - last_line(stage)
        assert below > 10
        assert f"▾ {below} more lines" in drawn(stage)
        assert transcript.region == before  # nothing has moved for it
        await stage.press("shift+tab", "G")
        await stage.until(lambda: transcript.below == "")
        await stage.pilot.pause()
        assert not any("▾" in row for row in drawn(stage))

    play(make_chat(Script([LINES])), scene)


def test_a_click_goes_to_the_end() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("pageup")
        await stage.until(lambda: stage.screen.transcript.below != "")
        await stage.pilot.click(MoreBelow)
        await stage.until(lambda: stage.screen.transcript.below == "")
        await stage.pilot.pause()
        assert last_line(stage) == 59

    play(make_chat(Script([LINES])), scene)


def test_it_says_nothing_to_who_follows_a_reply() -> None:
    gate = threading.Semaphore(0)
    said: list[str] = []

    async def scene(stage: Stage) -> None:
        transcript = stage.screen.transcript
        stage.screen.watch(transcript, "below", said.append, init=False)
        await stage.send("hello", wait=False)
        half = LINES.index("line 40")
        gate.release(half)
        await stage.until(lambda: stage.said[-1].startswith(LINES[:half].strip()))
        await stage.pilot.pause()
        assert said == []
        gate.release(len(LINES))
        await stage.idle()
        assert said == []

    play(make_chat(Script([LINES], gate=gate)), scene)


def test_far_from_the_end_it_counts_messages() -> None:
    async def scene(stage: Stage) -> None:
        for n in range(8):
            await stage.send(f"message {n}")
        await stage.send("/new")
        await stage.send("/load 1")
        await stage.until(lambda: len(stage.said) == 8 and stage.screen.transcript.max_scroll_y > 0)
        await stage.press("shift+tab", "g")
        await stage.until(lambda: "messages" in stage.screen.transcript.below)
        await stage.pilot.pause()
        assert "▾ 14 more messages" in drawn(stage)  # the first one and its reply are seen

    play(make_chat(Script([LINES], context_length=9999), saved=True), scene)


def test_an_empty_screen_has_nothing_below() -> None:
    async def scene(stage: Stage) -> None:
        await stage.pilot.pause()
        assert stage.screen.transcript.below == ""

    play(make_chat(Script(["Yes."])), scene)
