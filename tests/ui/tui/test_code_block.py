"""Blocks of code in replies: their numbers, the mark that copies one, and lines that are long."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from llama2ncnn_chat.chat.commands.table import interpret
from llama2ncnn_chat.chat.line import Command
from llama2ncnn_chat.chat.outcomes import Copy
from llama2ncnn_chat.ui.tui.code_block import CodeBlock
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

MANY = """Look:

1. a list

   ```sh
   ls
   ```

> ```
> quoted
> ```

```python
print(1)
```

~~~
last
~~~

    indented
"""
LONG = f"```\n{'0123456789' * 12}\nshort\n```\n"


@pytest.fixture(autouse=True)
def no_clipboard_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def marks(stage: Stage) -> list[tuple[str, str]]:
    """What each block of the conversation is marked with, and its code."""
    return [(str(block.border_title), block.code) for block in stage.screen.query(CodeBlock)]


def copied(stage: Stage, k: str) -> str:
    """What the command copies, without the room around it."""
    (outcome,) = interpret(stage.screen.chat, Command("copy", f"code {k}"))
    assert isinstance(outcome, Copy)
    return outcome.text.strip()


def numbers(stage: Stage) -> Iterator[str]:
    """The numbers on the marks, each held against what the command copies."""
    for mark, code in marks(stage):
        if k := mark.removeprefix("copy").strip():
            assert copied(stage, k) == code
            yield k


def test_each_block_bears_the_number_that_the_command_takes() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        assert [mark for mark, _ in marks(stage)] == ["copy 1", "copy", "copy 2", "copy 3", "copy"]
        assert list(numbers(stage)) == ["1", "2", "3"]

    play(make_chat(Script([MANY])), scene)


def test_the_numbers_are_right_while_the_reply_is_written() -> None:
    gate = threading.Semaphore(0)

    async def scene(stage: Stage) -> None:
        await stage.send("show me", wait=False)
        for n in range(0, len(MANY), 4):
            gate.release(4)
            await _said(stage, MANY[:n])
            shown = [mark for mark, _ in marks(stage)]
            whole = ["copy 1", "copy", "copy 2", "copy 3", "copy"][: len(shown)]
            assert shown[:-1] == whole[:-1]
            assert shown[-1:] in (whole[-1:], ["copy"])  # it has no line yet
        gate.release(100)
        await stage.idle()

    play(make_chat(Script([MANY], gate=gate)), scene)


async def _said(stage: Stage, text: str) -> None:
    """Wait until so much of the reply, or more, is drawn."""
    await stage.until(lambda: stage.said[-1].strip().startswith(text.strip()))
    await stage.pilot.pause()


def test_only_the_last_reply_is_numbered_and_again_after_undo_and_in_a_stored_session() -> None:
    reply = f"<think>\n```\nno\n```\n</think>\n\n{LONG}"

    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        assert [mark for mark, _ in marks(stage)] == ["copy", "copy 1"]
        await stage.send("/undo")
        assert [mark for mark, _ in marks(stage)] == ["copy 1"]
        await stage.send("/new")
        assert marks(stage) == []
        await stage.send("/load 1")
        assert [mark for mark, _ in marks(stage)] == ["copy 1"]
        assert list(numbers(stage)) == ["1"]

    play(make_chat(Script([reply]), saved=True), scene)


def test_a_click_on_the_mark_copies_the_block_and_says_so() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        await stage.pilot.pause()
        block = list(stage.screen.query(CodeBlock))[2]
        await stage.pilot.click(block, offset=(4, 1))
        assert "gave" not in stage.status  # the code itself can be selected
        await stage.pilot.click(block, offset=(block.size.width - 4, 0))
        await stage.until(lambda: "gave block 2 of code to the terminal" in stage.status)

    play(make_chat(Script([MANY])), scene, (80, 40))


def test_long_lines_of_code_show_a_bar_and_scroll_by_keys() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        await stage.pilot.pause()
        block = stage.screen.query_one(CodeBlock)
        assert block.show_horizontal_scrollbar
        assert block.horizontal_scrollbar.region.height == 1
        await stage.press("shift+tab", "L", "shift+right")
        assert block.scroll_x == 16
        await stage.press("H", "shift+left", "H")
        assert block.scroll_x == 0

    play(make_chat(Script([LONG])), scene)


def test_short_lines_of_code_show_no_bar() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        await stage.pilot.pause()
        assert not any(b.show_horizontal_scrollbar for b in stage.screen.query(CodeBlock))

    play(make_chat(Script([MANY])), scene)
