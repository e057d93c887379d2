"""What a reader does with the turns: walk, copy, regenerate, edit, continue, choose, scroll."""

from __future__ import annotations

import base64
from unittest.mock import patch

import pytest

from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

CODE = "Look:\n\n```python\nprint('hi')\n```\n"


@pytest.fixture(autouse=True)
def no_clipboard_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_walking_by_message() -> None:
    async def scene(stage: Stage) -> None:
        for text in ("one", "two"):
            await stage.send(text)
        transcript = stage.screen.transcript
        await stage.press("shift+tab")
        assert stage.selected == "Second."
        await stage.press("k", "k")
        assert stage.selected == "First."
        await stage.press("g")
        assert stage.selected == "one"
        await stage.press("G")
        assert stage.selected == "Second."
        await stage.press("escape")
        assert transcript.selected is None
        assert stage.screen.focused is stage.screen.composer.prompt

    play(make_chat(Script(["First.", "Second."])), scene)


def test_copying_a_reply_and_its_code() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("show me")
        await stage.press("shift+tab")
        driver = stage.app._driver
        assert driver
        with patch.object(driver, "write", wraps=driver.write) as write:
            await stage.press("Y")
            await stage.press("y")
        copied = [call.args[0] for call in write.call_args_list if "]52;" in call.args[0]]
        assert [_osc52(sequence) for sequence in copied] == ["print('hi')\n", CODE.strip()]
        assert "gave the reply to the terminal; not there? /export" in stage.status

    play(make_chat(Script([CODE])), scene)


def test_regenerating_keeps_the_old_reply_beside() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert stage.said == ["hello", "Fancy."]
        assert _foot(stage) == "◂ 2/2 ▸"
        await stage.press("left")
        assert stage.said == ["hello", "First."]
        assert _foot(stage) == "◂ 1/2 ▸"
        await stage.press("left")
        assert "no other one" in stage.status
        await stage.press("right")
        assert stage.said == ["hello", "Fancy."]

    play(make_chat(Script(["First.", "Fancy."])), scene)


def test_a_message_that_was_never_edited_walks_its_replies() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "k", "r")
        await stage.idle()
        assert stage.said == ["hello", "Fancy."]
        await stage.press("left")
        assert stage.said == ["hello", "First."]

    play(make_chat(Script(["First.", "Fancy."])), scene)


def test_an_older_reply_is_regenerated_and_nothing_is_lost() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        await stage.press("shift+tab", "k", "k", "r")
        await stage.idle()
        assert stage.said == ["one", "Third."]
        await stage.press("left")
        assert stage.said == ["one", "First.", "two", "Second."]
        await stage.press("right")
        assert stage.said == ["one", "Third."]

    play(make_chat(Script(["First.", "Second.", "Third."])), scene)


def test_editing_an_older_message_happens_when_it_is_sent() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        await stage.press("shift+tab", "g", "e")
        assert stage.draft == "one"
        assert stage.said[2] == "two"
        await stage.press("escape")
        assert stage.draft == ""
        await stage.press("shift+tab", "g", "e")
        await stage.send("uno")
        assert stage.said == ["uno", "Third."]
        assert [t.text for t in stage.screen.chat.session.ledger.roots] == ["one", "uno"]

    play(make_chat(Script(["First.", "Second.", "Third."])), scene)


def test_an_edit_of_an_older_message_that_is_refused_changes_nothing() -> None:
    async def scene(stage: Stage) -> None:
        for text in ("one", "two", "three"):
            await stage.send(text)
        before = stage.said
        await stage.press("shift+tab", "g", "e")
        await stage.send("x" * 500)
        assert stage.draft == "x" * 500
        assert stage.screen.composer.editing == stage.screen.chat.session.ledger.roots[0].id
        assert stage.said == before

    play(make_chat(Script(["First.", "Second.", "Third."], context_length=300)), scene)


def test_continuing_undoing_and_redoing() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set max_tokens 3")
        await stage.send("hello")
        assert stage.said[-1] == "abc"
        assert _foot(stage) == "reached max_tokens"
        await stage.press("shift+tab", "c")
        await stage.idle()
        assert stage.said[-1].startswith("abcd")
        await stage.send("/undo")
        assert stage.said == []
        await stage.send("/redo")
        assert stage.said[0] == "hello"

    play(make_chat(Script(["abcdefghijkl"])), scene)


def _foot(stage: Stage) -> str:
    return str(list(stage.screen.query("TurnView .foot"))[-1].render())


def _osc52(sequence: str) -> str:
    return base64.b64decode(sequence.split(";")[2].partition("\x07")[0]).decode()


def test_e_on_a_reply_edits_it_and_goes_on_from_there() -> None:
    long = "\n\n".join(f"Line {i}." for i in range(20))

    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.type("half a thought")
        await stage.press("shift+tab", "e")
        assert stage.draft == long  # not folded: it is to be edited
        await stage.press("escape")
        assert stage.draft == "half a thought"
        assert stage.said == ["one", long]
        await stage.press("shift+tab", "e")
        await stage.send("Line 0. Well,")
        assert stage.said[1].startswith("Line 0. Well,")
        assert stage.draft == "half a thought"
        first, second = stage.screen.chat.session.ledger.roots[0].children
        assert (first.text, second.n_begun) == (long, len("Line 0. Well,"))
        assert second.ids[: len("Line 0.")] == first.ids[: len("Line 0.")]

    play(make_chat(Script([long, " And so on."])), scene)


def test_the_words_that_the_next_reply_begins_with_are_shown_until_it_has() -> None:
    async def scene(stage: Stage) -> None:
        about = stage.screen.query_one("#about")
        await stage.send("/begin Sure,")
        await stage.until(lambda: about.display)
        assert "the reply begins: Sure," in str(about.render())
        await stage.send("one")
        await stage.until(lambda: not about.display)
        assert stage.said[1].startswith("Sure,")

    play(make_chat(Script(["Hi."])), scene)
