"""Vi's keys in the prompt of the full screen, held against vim where it is there."""

from __future__ import annotations

import shutil
import string
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events

from llama2ncnn_chat.ui.tui.vi_editor import ESCAPE, REDO, ViEditor
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

VI_KEYS = [
    # insert
    ("one two", "0iX", "Xone two"),
    ("one two", "0aX", "oXne two"),
    ("one two", "IX", "Xone two"),
    ("one two", "0AX", "one twoX"),
    ("one\ntwo", "koX", "one\nX\ntwo"),
    ("one\ntwo", "OX", "one\nX\ntwo"),
    # motions, with counts
    ("one two", "0llhx", "oe two"),
    ("one two", "0wiX", "one Xtwo"),
    ("one two six", "02wiX", "one two Xsix"),
    ("one two", "0eaX", "oneX two"),
    ("one two", "$biX", "one Xtwo"),
    ("one\ntwo", "k0wiX", "one\nXtwo"),
    ("a,b,c", "0f,;iX", "a,bX,c"),
    ("a(b)c", "0l%iX", "a(bX)c"),
    ("one\ntwo\nsix", "ggiX", "Xone\ntwo\nsix"),
    ("one\ntwo\nsix", "gg2jiX", "one\ntwo\nXsix"),
    ("one\ntwo", "ggjkiX", "Xone\ntwo"),
    # operators with motions and text objects
    ("one two six", "0dw", "two six"),
    ("one two six", "0d2w", "six"),
    ("one two", "bD", "one "),
    ("one two six", "0wciwX", "one X six"),
    ("one two six", "0wdaw", "one six"),
    ('say "one two" now', '0fnci"X', 'say "X" now'),
    ("f(one, two)", "0f,di(", "f()"),
    ("one two", "0wgUiw", "one TWO"),
    ("one two", "0x~", "Ne two"),
    ("one\ntwo\nsix", "ggdd", "two\nsix"),
    ("one\ntwo\nsix", "gg2dd", "six"),
    ("one\ntwo", "ggJ", "one two"),
    ("one two", "ccX", "X"),
    ("one two", "0rX", "Xne two"),
    ("one two", "0RXY", "XYe two"),
    # registers
    ("one two", "0ywP", "one one two"),
    ("one\ntwo", "ggyyp", "one\none\ntwo"),
    ("one two", '0"ayww"aP', "one one two"),
    ("one two six", '0"ad2w"ap', "sone two ix"),
    ("one two", "0xp", "noe two"),
    # undo
    ("one two", "0xxuu", "one two"),
    ("one two", "0dwu", "one two"),
    # visual mode
    ("one two", "0vld", "e two"),
    ("one two", "0vec X", " X two"),
    ("one\ntwo\nsix", "ggVjd", "six"),
    ("one two", "0wviwd", "one "),
    # nothing
    ("one two", "qzdzp", "one two"),
]


@pytest.mark.parametrize(("draft", "keys", "result"), VI_KEYS)
def test_vi_keys(draft: str, keys: str, result: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.type(draft)
        await stage.press("escape", *keys)
        await stage.until(lambda: stage.draft == result)

    play(make_chat(Script(["Hi."])), scene, vi=True)


@pytest.mark.skipif(not shutil.which("vim"), reason="vim isn't there")
@pytest.mark.parametrize(("draft", "keys", "result"), VI_KEYS)
def test_vi_keys_do_what_they_do_in_vim(tmp_path: Path, draft: str, keys: str, result: str) -> None:
    (tmp_path / "draft").write_text(draft + "\n")
    typed = f"exe 'normal! ' . '{keys}'"
    vim = ["vim", "-u", "NONE", "-i", "NONE", "-N", "-es", "-c", "normal! G$", "-c", typed]
    subprocess.run([*vim, "-c", "wq", str(tmp_path / "draft")], stdin=subprocess.DEVNULL)
    assert (tmp_path / "draft").read_text() == result + "\n"


def test_vi_undoes_what_was_inserted_as_one_and_does_it_again() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press(*"one", "escape", "A", *" two", "escape")
        await stage.press("u")
        await stage.until(lambda: stage.draft == "one")
        await stage.press("ctrl+r")
        await stage.until(lambda: stage.draft == "one two")
        await stage.press("i", "ctrl+r", "escape")  # the history's while inserting
        await stage.until(lambda: stage.draft == "one two")

    play(make_chat(Script(["Hi."])), scene, vi=True)


def test_vi_shows_what_is_selected_and_escape_leaves_it() -> None:
    async def scene(stage: Stage) -> None:
        prompt = stage.screen.composer.prompt
        await stage.type("one two")
        await stage.press("escape", "0", "v", "e")
        await stage.until(lambda: "VISUAL" in stage.status)
        await stage.until(lambda: prompt.selected_text == "one")
        await stage.press("right", "right")
        await stage.until(lambda: prompt.selected_text == "one t")
        await stage.press("escape")
        await stage.until(lambda: "NORMAL" in stage.status)
        await stage.until(lambda: prompt.selected_text == "")
        await stage.press("d", "escape", "w", "x")
        await stage.until(lambda: stage.draft == "one tw")

    play(make_chat(Script(["Hi."])), scene, vi=True)


def test_vi_takes_a_folded_paste_as_a_whole() -> None:
    async def scene(stage: Stage) -> None:
        stage.screen.composer.prompt.post_message(events.Paste("line\n" * 20))
        await stage.until(lambda: stage.draft.startswith("[Pasted text"))
        await stage.press(*" end", "escape", "0", "w", "x")
        await stage.until(lambda: stage.draft == " end")
        await stage.press("u")
        await stage.until(lambda: stage.draft.startswith("[Pasted text #1"))

    play(make_chat(Script(["Hi."])), scene, vi=True)


def test_vi_modes_are_shown_and_a_message_is_sent_from_both() -> None:
    async def scene(stage: Stage) -> None:
        await stage.until(lambda: "INSERT" in stage.status)
        await stage.press(*"hi", "enter")
        await stage.idle()
        await stage.press(*"again", "escape")
        await stage.until(lambda: "NORMAL" in stage.status)
        await stage.press("x", "enter")
        await stage.idle()
        assert stage.said == ["hi", "Hi.", "agai", "Hi."]
        await stage.until(lambda: "INSERT" in stage.status)
        await stage.press("escape", "k", "k")
        await stage.until(lambda: stage.draft == "hi")

    play(make_chat(Script(["Hi."])), scene, vi=True)


def test_vi_leaves_a_reply_to_the_second_escape() -> None:
    gate = threading.Semaphore(3)

    async def scene(stage: Stage) -> None:
        await stage.send("hello", wait=False)
        await stage.until(lambda: stage.said[-1:] == ["long"])
        await stage.press("escape")
        assert "stopping" not in stage.status
        await stage.press("escape")
        gate.release(1000)
        await stage.idle()
        assert len(stage.said[-1]) < len("long reply")

    play(make_chat(Script(["long reply"], gate=gate)), scene, vi=True)


TEXTS = ["", "one two", "a(b)c\n\n  x y\nend", 'say "hi" now\n']
LIKELY = 'dcyvVwbepPx0$iawf"gu2GhjklrR'
ALL = st.sampled_from([*string.printable.strip(), " ", "é", "日", ESCAPE, REDO])


@settings(max_examples=60)
@given(
    st.sampled_from(TEXTS),
    st.lists(st.one_of(st.sampled_from(LIKELY), ALL), max_size=20),
)
def test_no_key_fails_and_the_cursor_stays_in_the_text(text: str, keys: list[str]) -> None:
    editor = ViEditor()
    editor.show(text, len(text))
    assert editor.press("escape").text == text
    for key in keys:
        edited = editor.press("escape" if editor.mode == "INSERT" else key)
        assert 0 <= edited.cursor <= len(edited.text)
        if edited.selected:
            start, end = edited.selected
            assert 0 <= start <= end <= len(edited.text)
            assert editor.mode.startswith("VISUAL")
    editor.insert()
    assert (editor.mode, editor.waits) == ("INSERT", False)
