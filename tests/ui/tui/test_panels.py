"""Sessions, settings, help and palette: what they show, and that it takes effect."""

from __future__ import annotations

import pytest
from textual.screen import Screen
from textual.widgets import Input, OptionList, Select, Static

from llama2ncnn_chat.chat.commands.table import COMMANDS
from llama2ncnn_chat.chat.options import SETTINGS
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.paths import history_file
from llama2ncnn_chat.text.templates.marked import MarkedTemplate
from llama2ncnn_chat.ui.history import History
from llama2ncnn_chat.ui.tui.help_screen import HelpScreen
from llama2ncnn_chat.ui.tui.keyboard import InputFailed
from llama2ncnn_chat.ui.tui.palette import Palette
from llama2ncnn_chat.ui.tui.settings_screen import SettingsScreen
from llama2ncnn_chat.ui.tui.turn_view import TurnView
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_a_template_that_is_not_built_in_is_shown_and_can_be_left() -> None:
    mine = MarkedTemplate("mine", "<s>{system} {user}", "<s>{user}", "</s>")
    chat = make_chat(Script(["First."]), Settings(template=mine))

    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        await stage.until(lambda: bool(stage.app.screen.query("#template")))
        select = stage.app.screen.query_one("#template", Select)
        assert select.value == "mine"
        assert chat.settings.template is mine
        select.value = "plain"
        await stage.pilot.pause()
        assert chat.setting("template") == "plain"

    play(chat, scene)


def test_what_would_find_nothing_is_grey() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.app.check_action("sessions", ()) is None
        await stage.press("ctrl+o")
        assert stage.app.screen is stage.screen

    play(make_chat(Script(["First."])), scene)


def test_settings_hold_at_once_and_refuse_what_cannot_be() -> None:
    chat = make_chat(Script(["First."]))

    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        assert isinstance(stage.app.screen, SettingsScreen)
        temperature = stage.app.screen.query_one("#temperature", Input)
        temperature.value = "0.25"
        await stage.pilot.pause()
        assert chat.settings.sampling.temperature == 0.25
        assert chat.settings.sampling.temperature == 0.25
        temperature.value = "-1"
        await stage.pilot.pause()
        assert temperature.has_class("-wrong")
        assert chat.settings.sampling.temperature == 0.25
        stage.app.screen.query_one("#system").text = "Be brief."  # type: ignore[attr-defined]
        await stage.press("escape")
        assert chat.settings.system == "Be brief."

    play(chat, scene)


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
def test_up_and_down_go_from_setting_to_setting(size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f2")
        seen = []
        for _ in range(len(SETTINGS) + 1):
            focused = stage.app.screen.focused
            assert focused
            seen.append(focused.id)
            note = str(stage.app.screen.query_one("#settings-note", Static).render())
            assert note == (SETTINGS[focused.id].about if focused.id in SETTINGS else "")
            await stage.press("down")
        assert seen == [*SETTINGS, "system"]

    play(make_chat(Script(["First."])), scene, size)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45)])
def test_help_has_every_key_and_command(size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("f1")
        await stage.until(lambda: _is_open(stage, HelpScreen))
        shown = [str(each.render()) for each in stage.app.screen.query(Static)]
        text = " ".join(" ".join(shown).split())  # as if no line had been broken
        assert all(command.usage in text and command.help in text for command in COMMANDS)
        assert all(key in text for key in ("^o", "f2", "esc", "shift+tab", "^j", "alt+enter", "y"))
        await stage.press("f1")
        await stage.until(lambda: not _is_open(stage, HelpScreen))

    play(make_chat(Script(["First."])), scene, size)


def test_the_palette_runs_commands() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.press(*"/context")
        await stage.until(lambda: bool(stage.app.screen.query_one(OptionList).option_count))
        await stage.pilot.pause(0.3)
        await stage.press("enter", "enter")
        await stage.until(lambda: any("free" in notice for notice in stage.notices))

    play(make_chat(Script(["First."])), scene)


def test_what_was_taken_from_the_palette_last_stands_first() -> None:
    def count(stage: Stage) -> int:
        return stage.app.screen.query_one(OptionList).option_count

    async def offered(stage: Stage) -> list[str]:
        await stage.press("ctrl+p")
        await stage.until(lambda: count(stage) > 20)
        options = stage.app.screen.query_one(OptionList)
        titles = [str(option.prompt).split("\n")[0].split("  ")[0] for option in options.options]
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.screen)
        return titles

    async def scene(stage: Stage) -> None:
        before = await offered(stage)
        for words in ("/context", "Theme", "/stats"):
            assert words not in before[0]
            await stage.press("ctrl+p")
            await stage.until(lambda: count(stage) > 20)
            await stage.press(*words)
            await stage.until(lambda: 0 < count(stage) < 20)
            await stage.press("enter")
            await stage.until(lambda: not isinstance(stage.app.screen, Palette))
            await stage.press("escape")
            await stage.until(lambda: stage.app.screen is stage.screen)
        after = await offered(stage)
        assert ["/stats" in after[0], "Theme" in after[1], "/context" in after[2]] == [True] * 3
        assert sorted(after) == sorted(before)
        assert [t for t in before if t not in after[:3]] == after[3:]

    play(make_chat(Script(["First."])), scene)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (140, 45)])
def test_messages_and_prompt_have_the_same_edges(size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        for heat in (False, True):
            bands = [*stage.screen.query(TurnView), stage.screen.composer.prompt]
            assert len(bands) == 3
            [(left, right)] = {(band.region.x, band.region.right) for band in bands}
            assert left == size[0] - right
            assert right - left == min(size[0] - 2, 102)
            if not heat:
                await stage.press("f3")
                await stage.until(lambda: stage.screen.talk.has_class("-heat"))

    play(make_chat(Script(["First."])), scene, size)


def test_when_no_more_keys_come_all_is_kept() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.type("half a thought")
        stage.app.post_message(InputFailed(OSError(5, "gone")))
        await stage.until(lambda: stage.app._exit)
        assert isinstance(stage.app.failure, ChatError)
        assert stage.app.failure.exit_code == 1
        assert "gone" in str(stage.app.failure)
        assert History(history_file()).take_draft() == "half a thought"

    play(make_chat(Script(["First."])), scene)


def test_ctrl_c_clears_stops_arms_and_quits() -> None:
    async def scene(stage: Stage) -> None:
        await stage.type("a draft")
        await stage.press("ctrl+c")
        assert stage.draft == ""
        await stage.press("ctrl+c")
        assert "again quits" in stage.status
        await stage.press("ctrl+c")
        await stage.pilot.pause()
        assert stage.app._exit

    play(make_chat(Script(["First."])), scene)


def _is_open(stage: Stage, screen: type[Screen[None]]) -> bool:
    return isinstance(stage.app.screen, screen)
