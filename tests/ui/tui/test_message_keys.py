"""The footer under a chosen message: the keys that do something about that one, and no others."""

from __future__ import annotations

import threading

import pytest
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play

CODE = "Look:\n\n```python\nprint('hi')\n```\n"


async def footer(stage: Stage, *, dim: bool = False) -> str:
    """What the footer says; only what is dimmed, or only what isn't."""
    await stage.pilot.pause()
    await stage.pilot.pause()
    keys = stage.screen.query_one(Footer).query(FooterKey)
    return "  ".join(f"{k.key} {k.description}" for k in keys if k.has_class("-disabled") == dim)


@pytest.mark.parametrize(
    ("reply", "offered"),
    [
        ("Hi.", "y Copy  e Edit  r Again  t Tokens"),
        (CODE, "y Copy  e Edit  r Again  t Tokens  Y Code"),
        ("<think>\nHm.\n</think>\n\nHi.", "y Copy  e Edit  r Again  t Tokens  o Reasoning"),
    ],
)
def test_a_reply_offers_what_can_be_done_about_it(reply: str, offered: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        assert "y Copy" not in await footer(stage)
        await stage.press("shift+tab")
        assert await footer(stage) == f"{offered}  escape Prompt  f1 Help"
        await stage.press("escape")
        assert "y Copy" not in await footer(stage)
        assert "Palette" in await footer(stage)

    play(make_chat(Script([reply])), scene)


def test_a_message_has_no_code_of_its_reply() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "k")
        assert await footer(stage) == "y Copy  e Edit  r Again  t Tokens  escape Prompt  f1 Help"

    play(make_chat(Script([CODE])), scene)


def test_versions_are_offered_once_there_are_some() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("one")
        await stage.send("two")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert stage.selected == "Some."
        assert "left Versions" in await footer(stage)
        await stage.press("k")
        assert "left Versions" in await footer(stage)  # of its reply: there is but one wording
        await stage.press("k")
        assert "Versions" not in await footer(stage)

    play(make_chat(Script(["First.", "Second.", "Some."])), scene)


def test_a_reply_that_was_cut_can_go_on() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("/set max_tokens 3")
        await stage.send("hello")
        await stage.press("shift+tab")
        assert "c Continue" in await footer(stage)

    play(make_chat(Script(["abcdefghijkl"])), scene)


def test_what_has_to_wait_for_the_reply_is_dimmed() -> None:
    gate = threading.Semaphore(4)

    async def scene(stage: Stage) -> None:
        await stage.send("hello", wait=False)
        await stage.until(lambda: stage.said[-1].startswith("ab"))
        await stage.press("shift+tab")
        assert "e Edit  r Again" in await footer(stage, dim=True)
        assert "y Copy" in await footer(stage)
        gate.release(100)
        await stage.idle()
        assert await footer(stage, dim=True) == ""
        assert "e Edit  r Again" in await footer(stage)

    play(make_chat(Script(["abcdefgh"], gate=gate)), scene)


def test_no_key_is_cut_where_there_is_little_room() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert await footer(stage) == "y Copy  e Edit  r Again  left Versions"
        last = list(stage.screen.query(FooterKey))[-1]
        assert last.region.right <= 40

    play(make_chat(Script(["First.", "Fancy."])), scene, (40, 12))


def test_the_footer_fits_a_terminal_of_another_size() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert "t Tokens" not in await footer(stage)
        await stage.pilot.resize_terminal(80, 24)
        assert "t Tokens" in await footer(stage)

    play(make_chat(Script(["First.", "Fancy."])), scene, (40, 12))


def test_a_key_of_the_footer_can_be_clicked() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab")
        await footer(stage)
        (edit,) = (k for k in stage.screen.query(FooterKey) if k.key == "e")
        await stage.pilot.click(edit)
        await stage.until(lambda: stage.draft == "Hi.")

    play(make_chat(Script(["Hi."])), scene)


def test_the_arrows_beside_a_version_can_be_clicked() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("shift+tab", "r")
        await stage.idle()
        assert stage.said == ["hello", "Fancy."]
        await stage.pilot.click(list(stage.screen.query("TurnView .foot"))[-1], offset=(0, 0))
        await stage.until(lambda: stage.said == ["hello", "First."])
        await stage.pilot.pause()
        await stage.pilot.click(list(stage.screen.query("TurnView .foot"))[-1], offset=(6, 0))
        await stage.until(lambda: stage.said == ["hello", "Fancy."])
        await stage.pilot.pause()
        await stage.pilot.click(list(stage.screen.query("TurnView .foot"))[-1], offset=(20, 0))
        await stage.pilot.pause()
        assert stage.said == ["hello", "Fancy."]

    play(make_chat(Script(["First.", "Fancy."])), scene)
