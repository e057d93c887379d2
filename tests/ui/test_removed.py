"""The sessions' folder is removed under a chat: every face goes on, and says that it did."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.paths import data_dir
from llama2ncnn_chat.ui.oneshot import answer
from tests.chatting import answering, echo, stored_chat, transcript
from tests.ui.repl.talking import talk
from tests.ui.tui.stage import Stage, play

REMOVED = "was removed, or replaced, while it was open"


def vanishing(*, blocked: bool = False) -> Callable[[str], str]:
    """Replies over which the folder vanishes, in the midst of the one to "two"."""
    tokens: list[str] = []

    def reply(message: str) -> str:
        if message == "two":
            tokens.append(message)
            if len(tokens) == 8:
                shutil.rmtree(data_dir())
                if blocked:
                    data_dir().write_text("in the way")
        return echo(message)

    return reply


def words(wrapped: str) -> str:
    return " ".join(wrapped.split())


def stored() -> list[str]:
    chat = stored_chat()
    chat.resume(1)
    chat.close()
    return transcript(chat)


def test_one_shot(capsys: pytest.CaptureFixture[str]) -> None:
    chat = stored_chat(engine=answering(vanishing()))
    assert answer(chat, "two", options_of({}, {})) == 0
    chat.close()
    out, err = capsys.readouterr()
    assert out == "You said two.\n"
    assert err.count(REMOVED) == err.count("\n") == 1
    assert stored() == ["two", "You said two."]


def test_line_editor(capsys: pytest.CaptureFixture[str]) -> None:
    chat = stored_chat(engine=answering(vanishing()))
    talk(chat, "one\ntwo\nthree\n")
    chat.close()
    out, err = capsys.readouterr()
    assert out == "You said one.\nYou said two.\nYou said three.\n"
    assert err.count(REMOVED) == 1
    assert stored()[::2] == ["one", "two", "three"]


def test_full_screen() -> None:
    chat = stored_chat(engine=answering(vanishing()))
    said = ["one", "You said one.", "two", "You said two."]

    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        assert stage.said == said
        assert [REMOVED in words(notice) for notice in stage.notices] == [True]
        shutil.rmtree(data_dir())
        await stage.send("three")
        assert stage.said == [*said, "three", "You said three."]
        assert [REMOVED in words(notice) for notice in stage.notices] == [True, True]

    play(chat, scene)
    assert stored() == [*said, "three", "You said three."]


def test_full_screen_where_it_cannot_be_made_again() -> None:
    chat = stored_chat(engine=answering(vanishing(blocked=True)))

    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        assert stage.said[:3] == ["one", "You said one.", "two"]
        assert stage.said[3].startswith("You")  # half of it, and it stays
        assert any(REMOVED in words(notice) for notice in stage.notices)
        await stage.send("a draft")
        assert stage.draft == "a draft"
        assert len(stage.said) == 4
        data_dir().unlink()
        await stage.press("enter")
        await stage.idle()
        assert stage.said[4:] == ["a draft", "You said a draft."]

    play(chat, scene)
    assert stored()[2::2] == ["two", "a draft"]
    assert stored()[3].startswith("You")
