"""The list of sessions: what it shows, and what is done to them there."""

from __future__ import annotations

import pytest
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from llama2ncnn_chat.ui.tui.session_preview import FOUND, SessionPreview
from llama2ncnn_chat.ui.tui.sessions_screen import SessionsScreen
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


@pytest.mark.parametrize(("width", "previewed"), [(40, False), (59, False), (60, True)])
def test_a_narrow_list_of_sessions_has_all_the_width(width: int, previewed: bool) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, SessionsScreen))
        screen = stage.app.screen
        await stage.until(lambda: screen.query_one("#preview").display is previewed)
        listed = screen.query_one(OptionList).region.width
        await stage.until(lambda: (listed > width // 2) is not previewed)

    play(make_chat(Script(["First."]), saved=True), scene, (width, 14))


def test_switching_between_sessions() -> None:
    async def scene(stage: Stage) -> None:
        await _two_sessions(stage)
        await stage.press("ctrl+o")
        assert _titles(stage) == ["bananas are yellow", "apples are red"]
        await stage.press("down")
        assert "First." in _preview(stage)
        await stage.press("enter")
        await stage.until(lambda: stage.said == ["apples are red", "First."])
        await stage.send("and pears?")
        assert stage.said[-2:] == ["and pears?", "Third."]

    play(make_chat(Script(["First.", "Second.", "Third."]), saved=True), scene)


def test_searching_renaming_and_forking() -> None:
    async def scene(stage: Stage) -> None:
        await _two_sessions(stage)
        await stage.press("ctrl+o")
        stage.app.screen.query_one(Input).value = "apples"
        await stage.pilot.pause()
        assert _titles(stage) == ["apples are red"]
        await stage.press("ctrl+e")
        stage.app.screen.query_one(Input).value = "fruit"
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, SessionsScreen))
        assert _titles(stage) == ["fruit"]
        await stage.press("ctrl+f")
        assert sorted(_titles(stage)) == ["fruit", "fruit (fork)"]
        await stage.press("escape")
        assert stage.said[0] == "bananas are yellow"

    play(make_chat(Script(["First.", "Second."]), saved=True), scene)


def test_a_row_says_when_how_much_with_which_model_and_what_was_said_last() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("apples are red")
        await stage.press("ctrl+o")
        [option] = stage.app.screen.query_one(OptionList).options
        title, about, said = str(option.prompt).split("\n")
        assert title == "● apples are red"
        assert about.split(" · ")[:2] == ["  just now", "1 turn"]
        assert about.split(" · ")[2] in stage.screen.chat.model.name
        assert said == "  It goes on."

    play(make_chat(Script(["First.\n\nIt goes on.\n"]), saved=True), scene, (140, 45))


def test_one_answer_on_the_command_line_is_shown_by_a_key() -> None:
    async def scene(stage: Stage) -> None:
        await _two_sessions(stage)
        assert stage.screen.chat.store
        stage.screen.chat.store.mark_one_shot(1)
        await stage.press("ctrl+o")
        assert _titles(stage) == ["bananas are yellow"]
        await stage.press("ctrl+t")
        assert _titles(stage) == ["bananas are yellow", "apples are red"]
        await stage.press("ctrl+t")
        assert _titles(stage) == ["bananas are yellow"]

    play(make_chat(Script(["First.", "Second."]), saved=True), scene)


def test_found_words_are_marked_and_scrolled_to() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("fill the page")
        await stage.send("and more")
        await stage.press("ctrl+o")
        preview = stage.app.screen.query_one(SessionPreview)
        await stage.until(lambda: preview.scroll_y > 0)
        stage.app.screen.query_one(Input).value = "walrus"
        await stage.until(lambda: "walrus" in _preview(stage))
        await stage.pilot.pause()
        shown = preview.query_one(Static).render()
        assert isinstance(shown, Content)
        assert [shown.plain[s.start : s.end] for s in shown.spans if s.style == FOUND] == ["walrus"]
        line = shown.plain[: shown.plain.index("walrus")].count("\n")
        assert preview.scroll_y <= line < preview.scroll_y + preview.size.height

    filled = "\n".join(["line"] * 30)
    play(make_chat(Script([f"A walrus.\n{filled}", filled]), saved=True), scene)


def test_deleting_can_be_undone_and_the_open_one_leaves_an_empty_chat() -> None:
    async def scene(stage: Stage) -> None:
        await _two_sessions(stage)
        await stage.press("ctrl+o", "ctrl+x")
        assert _titles(stage) == ["apples are red"]
        await stage.press("ctrl+z")
        assert _titles(stage) == ["bananas are yellow", "apples are red"]
        await stage.press("ctrl+x", "escape")
        await stage.until(lambda: stage.said == [])
        await stage.press("ctrl+o", "ctrl+z")  # later is soon enough
        assert _titles(stage) == ["bananas are yellow", "apples are red"]
        await stage.press("enter")
        await stage.until(lambda: stage.said[:1] == ["bananas are yellow"])
        assert stage.screen.composer.prompt.has_focus

    play(make_chat(Script(["First.", "Second."]), saved=True), scene)


def _titles(stage: Stage) -> list[str]:
    options = stage.app.screen.query_one(OptionList).options
    return [str(option.prompt).split("\n")[0].strip("● ") for option in options]


def _preview(stage: Stage) -> str:
    return str(stage.app.screen.query_one("#preview Static", Static).render())


async def _two_sessions(stage: Stage) -> None:
    await stage.send("apples are red")
    await stage.send("/new")
    await stage.send("bananas are yellow")
