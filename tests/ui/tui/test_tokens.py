"""The token view, and what it stands on: recorded choices, and a reply from another token on."""

from __future__ import annotations

import numpy as np
import pytest
from textual.widgets import OptionList, Static

from llama2ncnn_chat.conversation.ledger import between
from llama2ncnn_chat.generation.choices import choice_of
from llama2ncnn_chat.ui.tui.token_text import (
    BOLD_TINTS,
    TINTS,
    lay_out,
    pieces_of,
    tint,
    tints,
)
from llama2ncnn_chat.ui.tui.tokens_screen import TokensScreen
from tests.fakes import ByteTokenizer
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import Stage, play


def test_a_choice_is_the_models_own_probability() -> None:
    logits = np.log(np.array([0.1, 0.6, 0.25, 0.05], np.float32))
    choice = choice_of(logits, 2, n=3)
    assert choice.probability == pytest.approx(0.25, abs=1e-6)
    assert [token for token, _ in choice.top] == [1, 2, 0]
    assert choice.with_token(0).probability == pytest.approx(0.1, abs=1e-6)


def test_lines_break_before_words_and_begin_at_one_edge() -> None:
    assert lay_out(["Once", " up", "on", " a", " time"], 9) == [
        *((0, "Once"), (0, " up"), (0, "on")),
        *((1, "a"), (1, " time")),
    ]
    assert lay_out(["a", "\n", "  b"], 9) == [(0, "a"), (0, "⏎"), (1, "  b")]  # an indent
    assert lay_out(["abc"] * 4, 6) == [(0, "abc"), (0, "abc"), (1, "abc"), (1, "abc")]
    assert lay_out(["abcdef", " ", "g"], 6) == [(0, "abcdef"), (1, " "), (1, "g")]


def test_pieces_of_a_split_character() -> None:
    ids = [byte + 3 for byte in "aé".encode()]
    assert pieces_of(ByteTokenizer(), ids) == ["a", "", "é"]


def test_tints_go_with_probability() -> None:
    for kinds in (TINTS, BOLD_TINTS):
        assert tint(0.95, kinds) == ""
        assert len({tint(p, kinds) for p in (0.95, 0.6, 0.3, 0.1, 0.01)}) == 5
        assert tint(None, kinds) == ""


@pytest.mark.parametrize("colours", ["standard", None])
def test_few_colours_are_no_backgrounds(colours: str | None) -> None:
    assert all(" 0%" not in style and "on " not in style for _, style in tints(colours))
    assert tints("256") is tints("truecolor") is TINTS


def test_a_reply_of_an_earlier_run_says_that_nothing_is_known() -> None:
    chat = make_chat(Script(["cat."]), saved=True)
    list(chat.send("hello"))
    number = chat.session_id
    chat.close()
    again = make_chat(Script(["dog."]), saved=True)
    assert number
    again.resume(number)

    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        screen = stage.app.screen
        assert isinstance(screen, TokensScreen)
        assert "earlier run" in str(screen.query_one("#token-about", Static).render())
        assert "not recorded" in str(screen.query_one(".title", Static).render())
        assert screen.check_action("branch", ()) is None
        await stage.press("right", "n", "enter")
        assert screen.cursor == 1
        await stage.press("escape")
        await stage.send("and now?")
        await stage.press("f3")
        assert "p " in str(stage.app.screen.query_one("#token-about", Static).render())

    play(again, scene)


def test_going_on_from_another_token() -> None:
    chat = make_chat(Script(["cat."]))

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        reply = chat.session.ledger.path()[-1]
        assert sorted(reply.choices) == [0, 1, 2, 3, 4]  # the end is a choice as well
        await stage.press("f3")
        assert isinstance(stage.app.screen, TokensScreen)
        await stage.press("right")
        about = str(stage.app.screen.query_one("#token-about", Static).render())
        assert "token 2 of 4" in about
        options = stage.app.screen.query_one(OptionList)
        assert options.highlighted == 0
        await stage.press("down")
        token = reply.choices[1].top[1][0]
        await stage.press("enter")
        await stage.idle()
        other = chat.session.ledger.path()[-1]
        assert other is not reply
        assert other.ids[:2] == [reply.ids[0], token]
        assert other.choices[1].token == token
        assert other.parent is reply.parent
        assert other.finish == "stop"
        await stage.press("shift+tab", "left")
        assert stage.said[-1] == "cat."
        cached = chat._completer.ids
        window = chat.session.window(between(None, other))
        assert cached == window[: len(cached)]

    play(chat, scene)
