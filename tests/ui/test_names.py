"""Names that would command a terminal, out of the file of sessions: shown, and harmless."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from textual.widgets import OptionList

from convert.streams import printable
from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.paths import data_dir
from tests.chatting import stored_chat, talk_and_close
from tests.program import run
from tests.ui.repl.talking import talk
from tests.ui.tui.stage import Stage, play
from tests.ui.tui.terminal import CTRL_Q, PROMPT, Terminal

EVIL = "a\x1b[2Jb\x9b1mc"
TAMED = "a[2Jb1mc"


def rename_all() -> None:
    """Have the row of every session say such names."""
    with closing(sqlite3.connect(data_dir() / "sessions.db")) as db:
        db.execute("UPDATE session SET name = ?, model = ?", (EVIL, f"/models/{EVIL}"))
        db.commit()


def test_in_the_line_editor(capsys: pytest.CaptureFixture[str]) -> None:
    talk_and_close("one")
    rename_all()
    chat = stored_chat()
    talk(chat, "/list\n/load 1\n/save\n/show\n/load none\n", label="> ")
    chat.close()
    said = "".join(capsys.readouterr())
    assert said.count(TAMED) > 3
    assert said == printable(said)


def test_on_the_full_screen() -> None:
    async def scene(stage: Stage) -> None:
        def drawn() -> list[str]:
            return [strip.text for strip in stage.app.screen._compositor.render_strips()]

        await stage.press("ctrl+o")
        await stage.until(lambda: stage.app.screen.query_one(OptionList).option_count == 1)
        await stage.until(lambda: any(TAMED in line for line in drawn()))
        assert all(line == printable(line) for line in drawn())
        await stage.press("enter")
        await stage.until(lambda: bool(stage.said))
        await stage.send("/save")
        assert all(line == printable(line) for line in drawn())

    talk_and_close("one")
    rename_all()
    play(stored_chat(), scene, (140, 45))


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
@pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there")
def test_after_leaving(terminals: list[Terminal]) -> None:
    assert run("-p", "Hi", "-n", "1").returncode == 0
    rename_all()
    terminals.append(terminal := Terminal("demo", "-c"))
    terminal.see(PROMPT)
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0
    assert f"saved as 1, {TAMED}: " in terminal.raw.rpartition("\x1b[?1049l")[2]
    assert "\x9b" not in terminal.raw
    assert EVIL[:5] not in terminal.raw
