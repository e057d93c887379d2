"""Reasoning in the full screen: shown while it is written, then a line that opens."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from unittest.mock import patch

import pytest
from textual.widgets import Markdown, Static

from llama2ncnn_chat.text.templates.compiled import CompiledTemplate
from tests.ui.tui.scripted import PLAIN, Script, make_chat
from tests.ui.tui.stage import Stage, play

REPLY = "<think>\nhm, so\n</think>\n\nYes **indeed**."
FOLDED = f"▸ thought for {len('<think>?hm, so?</think>')} tokens"
OPENED = FOLDED.replace("▸", "▾") + "\nhm, so"


def thoughts(stage: Stage) -> list[str]:
    lines = stage.screen.query("TurnView .thought").results(Static)
    return [str(line.render()) for line in lines if line.display]


def test_it_is_folded_when_it_is_over_and_opens() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert thoughts(stage) == [FOLDED]
        assert stage.said == ["hello", "Yes **indeed**."]
        await stage.press("shift+tab", "o")
        assert thoughts(stage) == [OPENED]
        await stage.press("o")
        assert thoughts(stage) == [FOLDED]
        await stage.pilot.click("TurnView .thought")
        assert thoughts(stage) == [OPENED]

    play(make_chat(Script([REPLY])), scene)


def test_one_that_is_open_stays_open_wherever_the_reader_goes() -> None:
    async def scene(stage: Stage) -> None:
        for text in ("one", "two"):
            await stage.send(text)
        await stage.press("shift+tab", "o")
        await stage.send("/undo 2")
        assert thoughts(stage) == []
        await stage.send("/redo 2")
        assert thoughts(stage) == [FOLDED, OPENED]

    play(make_chat(Script([REPLY])), scene)


def test_it_is_shown_while_it_is_written() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await stage.send("hello", wait=False)
        gate.release(len("<think>\nhm,") - 1)  # the first token comes with the message's own
        await stage.until(lambda: thoughts(stage) == ["▾ thinking\nhm,"])
        assert stage.said[-1] == ""
        gate.release(len(" so\n</think>\n\nYes"))
        await stage.until(lambda: stage.said[-1] == "Yes")
        assert thoughts(stage) == ["▸ thought"]
        gate.release(100)
        await stage.idle()
        assert thoughts(stage) == [FOLDED]

    play(make_chat(Script([REPLY], gate=gate)), scene)


def test_one_that_was_stopped_goes_on() -> None:
    async def scene(stage: Stage) -> None:
        n = len("<think>\nhm")
        await stage.send(f"/set max_tokens {n}")
        await stage.send("hello")
        assert thoughts(stage) == [f"▸ thought for {n} tokens"]
        await stage.send("/set max_tokens none")
        await stage.press("shift+tab", "c")
        await stage.idle()
        assert thoughts(stage)[0].startswith("▸ thought for")
        assert [row.text.startswith("<think>\nhm") for row in stage.screen.chat.view.rows()][1]

    play(make_chat(Script([REPLY, REPLY[len("<think>\nhm") :]])), scene)


def test_the_tag_may_stand_in_the_prompt() -> None:
    thinks = CompiledTemplate("thinks", "{user}\n<think>\n", "", "{user}\n<think>\n")

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert thoughts(stage) == [f"▸ thought for {len('hm</think>')} tokens"]
        assert stage.said == ["hello", "Yes."]

    play(make_chat(Script(["hm</think>Yes."]), replace(PLAIN, template=thinks)), scene)


def test_what_is_copied_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        driver = stage.app._driver
        assert driver
        with patch.object(driver, "write", wraps=driver.write) as write:
            await stage.press("shift+tab", "y")
        (copied,) = [c.args[0] for c in write.call_args_list if "]52;" in c.args[0]]
        sent = copied.split(";")[2].partition("\x07")[0]
        assert base64.b64decode(sent).decode() == "Yes **indeed**."

    play(make_chat(Script([REPLY])), scene)


def test_an_answer_grows_as_markdown_below_it() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        (said,) = stage.screen.query(Markdown)
        assert said.source == "Yes **indeed**."

    play(make_chat(Script([REPLY], seconds=0.01)), scene)
