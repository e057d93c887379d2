"""The full screen's window: its title, and the call for whoever looks elsewhere."""

from __future__ import annotations

import threading
from pathlib import Path

from textual import events

from llama2ncnn_chat.ui.alert import BELL
from llama2ncnn_chat.ui.tui import app
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play_app


class Seen(app.ChatApp):
    """Remembers what its terminal is told."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))

    def __init__(self, script: Script) -> None:
        self.sent: list[str] = []
        self.titles: list[str] = []
        super().__init__(lambda *_: make_chat(script), title=True, notify=0)

    def command_terminal(self, sequence: str) -> None:
        self.sent.append(sequence)

    def show_title(self, text: str) -> None:
        if text not in self.titles[-1:]:
            self.titles.append(text)


def test_all_that_was_queued_calls_once_and_only_who_looks_elsewhere() -> None:
    gate = threading.Semaphore(0)
    seen = Seen(Script(["first", "second"], gate=gate))

    async def scene(stage: Stage) -> None:
        await stage.opened()
        gate.release(100)
        await stage.send("hello")
        await stage.until(lambda: seen.titles[-1] == "stories15M")
        assert seen.sent == []
        while gate.acquire(blocking=False):
            pass
        await stage.send("again", wait=False)
        await stage.until(lambda: stage.screen.chat.view.busy)
        await stage.send("and again", wait=False)
        await stage.until(lambda: stage.screen.composer.queue.goes_on)
        seen.post_message(events.AppBlur())
        await stage.until(lambda: not seen.app_focus)
        gate.release(100)
        await stage.until(lambda: seen.titles[-1] == "stories15M")
        assert stage.said[-2:] == ["and again", "second"]
        assert seen.sent == [BELL]

    play_app(seen, scene)
    assert seen.chat
    seen.chat.close()
    assert seen.titles == ["llama2ncnn-chat", *["stories15M", "● stories15M"] * 2, "stories15M"]
