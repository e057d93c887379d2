"""The list of sessions over a file in which something breaks: it says so, and the chat stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from textual.widgets import OptionList, Static

from llama2ncnn_chat.paths import data_dir
from tests.chatting import stored_chat, talk_and_close
from tests.ui.tui.stage import Stage, play


def change(script: str) -> None:
    with closing(sqlite3.connect(data_dir() / "sessions.db")) as db:
        db.executescript(script)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE turn SET ids = x'01', parent = 99, text = x'ff' WHERE id > 1;",
        "UPDATE session SET updated = 9e999, name = x'ff00', head = 77;",
        "UPDATE session SET sampling = '[';",
    ],
)
def test_damaged_rows_are_listed_and_opened(script: str) -> None:
    talk_and_close("one", "two")
    talk_and_close("a good one")
    chat = stored_chat()
    change(script)

    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+o")
        await stage.until(lambda: stage.app.screen.query_one(OptionList).option_count == 2)
        await stage.press("down", "up", "down", "enter")
        await stage.until(lambda: bool(stage.said))
        assert any("it is damaged" in notice for notice in stage.notices)
        await stage.send("and on")
        assert stage.said[-2:] == ["and on", "You said and on."]

    play(chat, scene)


@pytest.mark.parametrize("script", ["DROP TABLE turn;", "ALTER TABLE session RENAME TO gone;"])
def test_a_file_that_cannot_be_read_any_more_is_said(script: str) -> None:
    talk_and_close("one")
    chat = stored_chat()

    async def scene(stage: Stage) -> None:
        await stage.type("a draft")
        change(f"PRAGMA foreign_keys = OFF; {script}")
        await stage.press("ctrl+o")
        note = stage.app.screen.query_one("#sessions-note", Static)
        await stage.until(lambda: "can't read the sessions: no such table" in str(note.render()))
        await stage.press("escape")
        assert stage.draft == "a draft"
        await stage.type("/load ")  # nothing may follow, and the command says why
        await stage.press("o", "enter")
        assert "no such table" in stage.status

    play(chat, scene)
