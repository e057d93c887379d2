"""The README's pictures, taken from the real program while it talks with the bundled model.

    python -m docs.screenshots [FOLDER]
    python -m docs.screenshots --model SmolLM2-135M-Instruct.Q4_1.gguf [FOLDER]

With a model, it is ten turns with edits of that one, and the heat of a reply. The seed is fixed:
the same model gives the same words. The person's own sessions and settings are neither read nor
written.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.line import Command
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.ui.tui.app import ChatApp
from llama2ncnn_chat.ui.tui.chat_screen import ChatScreen
from llama2ncnn_chat.ui.tui.themes import INK, PAPER

SIZE, TALL, LOW = (100, 32), (100, 68), (100, 20)
COMMENT = re.compile(r"\s*<!--.*?-->")  # of the library that draws
SEED = 7
PATIENCE = 600.0
BEFORE = ("What can you do?", "Good morning! How are you today?")
MESSAGES = ("Hello! My name is Ann.", "Tell me a story about a fox.", "What is my name?")
TURNS: tuple[tuple[str, Command | None], ...] = (
    ("What is 2+2?", None),
    ("Hello! Who are you?", Command("regen")),
    ("What is a lighthouse?", None),
    ("Name three seas.", None),
    ("Write one sentence about the moon.", None),
    ("Say it in French.", Command("edit", "And one about the stars.")),
    ("What do bees make?", Command("regen")),
    ("Is that good for us?", None),
    ("Give me a poem.", Command("edit", "Give me a title for a story about a bee.")),
    ("Thank you, goodbye!", None),
)
"""What is said to another model, and what is done about its reply."""
HEATED = "What is the capital of France, and what is it known for?"
HEATED_WITH = (
    Command("system", "Answer in two or three sentences."),
    Command("set", "temperature 0.3"),
    Command("set", "seed 9"),
)
"""What it is asked, and how, for a reply whose tokens are to be seen: sure of what it knows, and
less of how to put it."""
N_SURPRISES = 6
"""On which of its surprises the cursor is: one with another word that is as good."""
FLAGS = {
    "seed": SEED,
    "temperature": 0.2,
    "repeat_penalty": 1.1,
    "max_tokens": 120,
    "system": "Answer in one short sentence.",
}
"""With which a model of 135 million weights makes the most of it."""


def main() -> None:
    """Take the pictures, with settings and sessions in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--model", type=Path, help="to smollm2.svg and tokens.svg, of this one")
    args = parser.parse_args()
    folder, model = args.folder.resolve(), args.model
    with tempfile.TemporaryDirectory() as home:
        for name in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = home
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        flags = {"model": str(model.resolve()), **FLAGS} if model else {"seed": SEED}
        app = ChatApp(lambda *_: open_model(flags))
        try:
            asyncio.run(take_turns(app, folder) if model else take(app, folder))
        finally:
            if app.chat:
                app.chat.close()


def open_model(flags: Mapping[str, Any]) -> Chat:
    """Open a model as the command line does with these flags, and no others."""
    return open_chat(options_of(flags, {}), silent)


def silent(_what: str) -> Callable[[int, int], None]:
    """Report the progress of a slow step to nobody."""
    return lambda _done, _total: None


async def take(app: ChatApp, folder: Path) -> None:
    """Talk, and take a picture wherever there is something to see."""
    async with app.run_test(size=SIZE) as pilot:
        screen = await first_screen(app, pilot)
        for text in BEFORE:
            await say(pilot, screen, text)
            await screen.run_command(Command("new"))
        for text in MESSAGES:
            await say(pilot, screen, text)
        await picture(pilot, folder / "chat-dark.svg")
        app.theme = PAPER.name
        await pilot.press("ctrl+o")
        await until(lambda: bool(app.screen.query("#preview")))
        await picture(pilot, folder / "sessions.svg")


async def take_turns(app: ChatApp, folder: Path) -> None:
    """Talk with edits and other replies in between, and take a picture of all of it."""
    async with app.run_test(size=TALL) as pilot:
        screen = await first_screen(app, pilot)
        for text, then in TURNS:
            await say(pilot, screen, text)
            if then:
                await screen.run_command(then)
                await until(lambda: not screen.replies.running)
        await picture(pilot, folder / "smollm2.svg")
        for command in (Command("new"), *HEATED_WITH):
            await screen.run_command(command)
        await pilot.resize_terminal(*LOW)
        await say(pilot, screen, HEATED)
        await heat(pilot, folder / "tokens.svg")


async def heat(pilot: Pilot[None], path: Path) -> None:
    """Take a picture of the last reply's tokens, the cursor on one that wasn't likely."""
    await pilot.press("f3")
    await pilot.pause()
    await pilot.press(*"n" * N_SURPRISES)
    await picture(pilot, path)


async def first_screen(app: ChatApp, pilot: Pilot[None]) -> ChatScreen:
    """Wait for the chat, and have nothing blink in it."""
    app.theme = INK.name
    await until(lambda: app.chat_screen is not None)
    await pilot.pause()
    assert app.chat_screen
    app.chat_screen.composer.prompt.cursor_blink = False
    return app.chat_screen


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
    """Wait until it is true; raises TimeoutError after ten minutes."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("the program doesn't come to an end")
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
