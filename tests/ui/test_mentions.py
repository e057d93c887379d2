"""``@path`` in a message in both conversations: completed, counted, folded, sent, given back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from tests.chatting import make_chat, transcript
from tests.ui.repl.talking import talk
from tests.ui.tui import scripted
from tests.ui.tui.stage import Stage, play

NOTES = "the first line\nthe second line"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    place.mkdir()
    (place / "notes.txt").write_text(NOTES)
    (place / "bad").write_bytes(b"\xff")
    monkeypatch.chdir(place)
    return place


def test_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat()
    talk(chat, "why @notes.txt?\nmail me@notes.txt\n/read notes.txt\nand @bad\n")
    assert transcript(chat)[::2] == [f"notes.txt:\n{NOTES}\n\nwhy notes.txt?", "mail me@notes.txt"]
    assert "bad: is not text" in capsys.readouterr().err


def test_on_the_screen() -> None:
    chat = scripted.make_chat(scripted.Script(["Yes."]))

    async def scene(stage: Stage) -> None:
        await stage.press(*"why @no")
        assert stage.screen.composer.prompt.suggesting
        await stage.press("tab")
        assert stage.draft == "why @notes.txt "
        n = chat.session.count(f"notes.txt:\n{NOTES}\n\nwhy notes.txt")
        await stage.until(lambda: f"+{n} tok" in stage.status)
        await stage.press("enter")
        await stage.idle()
        assert transcript(chat)[0] == f"notes.txt:\n{NOTES}\n\nwhy notes.txt"
        await stage.press("up")
        assert stage.draft == "why @notes.txt"

    play(chat, scene)


def test_a_suggestion_goes_in_at_the_cursor() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("and more")
        await stage.press("home", *"see @n", "tab")
        assert stage.draft == "see @notes.txt and more"
        await stage.press("X")
        assert stage.draft == "see @notes.txt Xand more"

    play(scripted.make_chat(scripted.Script(["Yes."])), scene)


def test_the_arrows_and_enter_take_a_name_and_send_nothing() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(*"@", "down", "down", "enter")
        assert stage.draft == "@notes.txt "
        assert stage.said == []

    play(scripted.make_chat(scripted.Script(["Yes."])), scene)


def test_what_was_pasted_names_no_file() -> None:
    chat = scripted.make_chat(scripted.Script(["Yes."]))
    pasted = "@notes.txt\n" * 20

    async def scene(stage: Stage) -> None:
        stage.screen.composer.prompt.post_message(events.Paste(pasted))
        await stage.until(lambda: stage.draft.startswith("[Pasted text"))
        await stage.press("enter")
        await stage.idle()
        assert transcript(chat)[0] == pasted.strip()

    play(chat, scene)


def test_a_file_that_can_not_be_read_gives_the_draft_back() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("why @bad?")
        await stage.until(lambda: "bad: is not text" in stage.status)
        await stage.until(lambda: stage.draft == "why @bad?")
        assert stage.said == []

    play(scripted.make_chat(scripted.Script(["Yes."])), scene)
