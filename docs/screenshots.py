"""The README's pictures, taken from the real program while it talks with the bundled model.

    python -m docs.screenshots [FOLDER]

The seed is fixed: the same model gives the same words. The person's own sessions and settings are
neither read nor written.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import OptionList

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.line import Command
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.chat_screen import ChatScreen
from llama2ncnn_chat.ui.tui.themes import INK, PAPER

SIZE = (100, 32)
COMMENT = re.compile(r"\s*<!--.*?-->")  # of the library that draws
SEED = 7
PATIENCE = 60.0
BEFORE = ("What can you do?", "Good morning! How are you today?")
MESSAGES = ("Hello! My name is Ann.", "Tell me a story about a fox.", "What is my name?")


def main() -> None:
    """Take the pictures, with settings and sessions in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as home:
        for name in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = home
        app = ChatApp(open_demo)
        try:
            asyncio.run(take(app, folder))
        finally:
            if app.chat:
                app.chat.close()


def open_demo(*_: object) -> Chat:
    """Open the bundled model as the command line does without any flag but a seed."""
    return open_chat(options_of({"seed": SEED}, {}, Path(os.devnull)), silent)


def silent(_what: str) -> Callable[[int, int], None]:
    """Report the progress of a slow step to nobody."""
    return lambda _done, _total: None


async def take(app: ChatApp, folder: Path) -> None:
    """Talk, and take a picture wherever there is something to see."""
    async with app.run_test(size=SIZE) as pilot:
        app.theme = INK.name
        await until(lambda: app.chat_screen is not None)
        await pilot.pause()
        screen = app.chat_screen
        assert screen
        screen.composer.prompt.cursor_blink = False
        for text in BEFORE:
            await say(pilot, screen, text)
            await screen.run_command(Command("new"))
        for text in MESSAGES:
            await say(pilot, screen, text)
        await picture(pilot, folder / "chat-dark.svg")
        await pilot.press("shift+tab", "k", "k", "t")
        await until(lambda: bool(app.screen.query(OptionList)))
        await pilot.press("n")
        await picture(pilot, folder / "tokens.svg")
        app.theme = PAPER.name
        await pilot.press("escape", "escape", "ctrl+o")
        await until(lambda: bool(app.screen.query("#preview")))
        await picture(pilot, folder / "sessions.svg")


async def say(pilot: Pilot[None], screen: ChatScreen, text: str) -> None:
    """Send a message and wait for the end of its reply."""
    screen.composer.set_draft(text)
    await pilot.press("enter")
    await until(lambda: not screen.replies.running)
    await pilot.pause()


async def picture(pilot: Pilot[None], path: Path) -> None:
    """Write what is on the screen, once it has been drawn, as SVG."""
    if chat_screen := next((s for s in pilot.app.screen_stack if isinstance(s, ChatScreen)), None):
        chat_screen.status.hint = ""  # what was said for a while only
    await pilot.pause(0.2)
    drawn = pilot.app.export_screenshot(title="llama2ncnn-chat")
    path.write_text(COMMENT.sub("", drawn), encoding="utf-8")


async def until(true: Callable[[], bool]) -> None:
    """Wait until it is true; raises TimeoutError after a minute."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("the program doesn't come to an end")
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
