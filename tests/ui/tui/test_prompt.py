"""The prompt: lines, history, pastes, editor, the end of input."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual import events

from llama2ncnn_chat.chat.completion import suggest
from llama2ncnn_chat.paths import history_file
from llama2ncnn_chat.ui.history import History
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_new_lines_and_growing() -> None:
    async def scene(stage: Stage) -> None:
        prompt = stage.screen.composer.prompt
        assert prompt.size.height == 1
        await stage.press("a", "ctrl+j", "b", "alt+enter", "c", "shift+enter", "d")
        assert stage.draft == "a\nb\nc\nd"
        assert prompt.size.height == 4
        await stage.press("enter")
        await stage.idle()
        assert stage.said[0] == "a\nb\nc\nd"
        assert prompt.size.height == 1

    play(make_chat(Script(["Hi."])), scene)


def test_history_walks_and_keeps_the_draft() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two\nlines")
        await stage.press(*"dr")
        await stage.press("up")
        assert stage.draft == "two\nlines"
        await stage.press("up", "up")
        assert stage.draft == "one"
        await stage.press("down")
        assert stage.draft == "two\nlines"
        await stage.press("down")
        assert stage.draft == "dr"
        await stage.press("ctrl+r", *"on", "enter")
        await stage.until(lambda: stage.draft == "one")

    play(make_chat(Script(["Hi."])), scene)


def test_history_is_the_other_faces_too() -> None:
    history = History(history_file())
    history.add("first")
    history.add("two\nlines")
    assert stat.S_IMODE(history_file().stat().st_mode) == 0o600
    lines = history_file().read_text().splitlines()
    assert [line for line in lines if line.startswith("+")] == ["+first", "+two", "+lines"]
    again = History(history_file())
    assert again.search("") == ["two\nlines", "first"]


def test_a_big_paste_folds_and_is_sent_whole() -> None:
    text = "\n".join(f"line {i}" for i in range(30))

    async def scene(stage: Stage) -> None:
        stage.screen.composer.prompt.post_message(events.Paste(text + "\x1b[2J"))
        await stage.pilot.pause()
        assert stage.draft == "[Pasted text #1 +30 lines]"
        await stage.press("enter")
        await stage.idle()
        assert stage.said[0] == text + "[2J"

    play(make_chat(Script(["Hi."])), scene)


def test_a_file_goes_along(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("/* milk */ and eggs\n")

    async def scene(stage: Stage) -> None:
        await stage.send(f"/read {tmp_path / 'notes.txt'}")
        assert "notes.txt" in str(stage.screen.query_one("#about").render())
        await stage.send("what is it?")
        assert stage.said[0] == "/* milk */ and eggs\n\nwhat is it?"
        assert not stage.screen.query_one("#about").display

    play(make_chat(Script(["Hi."])), scene)


def test_a_draft_waits_while_a_message_is_edited() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.type("half a thought")
        await stage.press("shift+tab", "k", "e")
        assert stage.draft == "hello"
        await stage.press("escape")
        assert stage.draft == "half a thought"
        await stage.press("shift+tab", "k", "e", "end", "!", "enter")
        await stage.idle()
        assert stage.said[0] == "hello!"
        assert stage.draft == "half a thought"

    play(make_chat(Script(["Hi."])), scene)


def test_ctrl_d_leaves_only_from_an_empty_prompt() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("a", "left", "ctrl+d")
        assert stage.draft == ""
        assert not stage.app._exit
        await stage.press("ctrl+d")
        await stage.pilot.pause()
        assert stage.app._exit

    play(make_chat(Script(["Hi."])), scene)


@pytest.mark.parametrize(
    ("text", "first"),
    [("/cont", "/continue"), ("/set temp", "/set temperature "), ("/help re", "/help regen")],
)
def test_suggestions(text: str, first: str) -> None:
    chat = make_chat(Script(["Hi."]))
    assert first in [s.text for s in suggest(chat, text)]


@pytest.mark.parametrize("text", ["", "hello", "//etc", "/set\ntemp", "/nonsense x"])
def test_no_suggestions(text: str) -> None:
    assert suggest(make_chat(Script(["Hi."])), text) == []


def test_paths_are_suggested(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder").mkdir()
    found = suggest(make_chat(Script(["Hi."])), f"/read {tmp_path}/")
    assert [s.label for s in found] == [f"{tmp_path}/folder/", f"{tmp_path}/notes.txt"]


def test_without_vi_letters_are_letters() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("a", "escape", "x", "d", "d")
        assert stage.draft == "axdd"
        assert "INSERT" not in stage.status

    play(make_chat(Script(["Hi."])), scene)


def test_keys_of_one_burst_stay_in_order() -> None:
    async def scene(stage: Stage) -> None:
        prompt = stage.screen.composer.prompt
        for key in ("a", "b", "backspace", "c", "ctrl+j", "d", "enter", "n", "e", "x", "t"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: stage.said[:1] == ["ac\nd"])
        assert prompt.text == "next"
        await stage.idle()
        prompt.replace_text("")
        for key in (*"/context", "enter"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: "free" in "".join(stage.notices))

    play(make_chat(Script(["Hi."])), scene)
