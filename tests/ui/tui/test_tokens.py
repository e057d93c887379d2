"""The heat: a reply drawn by its tokens, and another one from a token that it didn't take."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from rich.console import Console
from textual.widgets import OptionList, Static

from llama2ncnn_chat.conversation.ledger import between
from llama2ncnn_chat.generation.choices import choice_of
from llama2ncnn_chat.text.detokenizer import Detokenizer
from llama2ncnn_chat.ui.likelihood import tint
from llama2ncnn_chat.ui.tui.heat_text import HeatText
from llama2ncnn_chat.ui.tui.heat_transcript import HeatTranscript
from llama2ncnn_chat.ui.tui.token_text import (
    BOLD_TINTS,
    MONOCHROME,
    TINTS,
    coloured,
    lay_out,
    piece_of,
    place_at,
    tints,
)
from tests.fakes import ByteTokenizer
from tests.inside import completer_of
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


def test_a_place_on_the_screen_is_the_token_that_is_drawn_there() -> None:
    pieces = ["Once", " up", "on", " a", " time"]
    laid = lay_out(pieces, 9)
    drawn = coloured(pieces, 9, None, {}, TINTS).plain.split("\n")
    found = [[place_at(laid, x, y) for x in range(len(line))] for y, line in enumerate(drawn)]
    assert found == [[0] * 4 + [1] * 3 + [2] * 2, [3] + [4] * 5]
    assert place_at(laid, 9, 0) is None
    assert place_at(laid, 0, 2) is None


def test_pieces_of_a_split_character() -> None:
    text = Detokenizer(ByteTokenizer(), begins=True)
    assert [piece_of(text, byte + 3) for byte in "aé".encode()] == ["a", "", "é"]


def test_tints_go_with_probability() -> None:
    for kinds in (TINTS, BOLD_TINTS, MONOCHROME):
        assert tint(0.95, kinds) == ""
        assert len({tint(p, kinds) for p in (0.95, 0.6, 0.3, 0.1, 0.01)}) == 5
        assert tint(None, kinds) == ""


def test_few_colours_are_no_backgrounds_and_none_are_no_colours() -> None:
    few = tints(Console(color_system="standard", force_terminal=True), no_colour=False)
    assert few is BOLD_TINTS
    assert all("on " not in style for _, style in few)
    assert tints(Console(color_system="truecolor"), no_colour=True) is MONOCHROME
    assert all("$" not in style for _, style in MONOCHROME)
    for name in ("256", "truecolor"):
        many = Console(color_system=name, force_terminal=True)
        assert tints(many, no_colour=False) is TINTS


def place(stage: Stage) -> str:
    return str(stage.screen.query_one("#token-place", Static).render())


def heated(stage: Stage) -> list[str]:
    return [str(text.render()) for text in stage.screen.query(HeatText)]


def others(stage: Stage) -> OptionList:
    return stage.screen.query_one("#runners-up OptionList", OptionList)


def test_a_resumed_reply_is_read_once_for_its_numbers() -> None:
    chat = make_chat(Script(["cat."]), saved=True)
    list(chat.send("hello"))
    number = chat.session_id
    chat.close()
    again = make_chat(Script(["dog."]), saved=True)
    assert number
    again.resume(number)

    async def scene(stage: Stage) -> None:
        reply = again.session.ledger.path()[-1]
        assert reply.choices == {}
        await stage.press("f3")
        await stage.idle()
        assert sorted(reply.choices) == [0, 1, 2, 3]
        assert heated(stage) == ["cat."]
        await stage.until(lambda: "token 1 of 4" in place(stage))
        cached, window = completer_of(again).ids, again.session.window(again.session.ledger.path())
        assert cached == window[: len(cached)]
        assert stage.notices == []

    play(again, scene)


def test_what_is_known_is_shown_while_the_rest_is_read() -> None:
    script = Script(["one two three four five six seven."])
    chat = make_chat(script)

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        reply = chat.session.ledger.path()[-1]
        reply.choices.clear()
        completer_of(chat)._cached.rewind(0)
        script.reading = threading.Semaphore(0)
        await stage.press("f3")
        await stage.until(lambda: "token 1 of 34  enter reads" in place(stage))
        script.reading.release(2)
        await stage.until(lambda: "token 1 of 34  0.0%" in place(stage))
        assert stage.screen.replies.running
        script.reading.release(10)
        await stage.idle()
        assert len(reply.choices) == 34

    play(chat, scene)


def test_the_mouse_looks_at_a_token_and_leaves_the_cursor() -> None:
    chat = make_chat(Script(["cat."]))

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.press("f3")
        await stage.until(lambda: "token 1 of 4" in place(stage))
        await stage.pilot.hover(HeatText, offset=(2, 0))
        await stage.until(lambda: "token 3 of 4" in place(stage))
        assert stage.screen.query_one(HeatTranscript).cursor == 0
        await stage.pilot.hover("#runners-up", offset=(3, 1))
        await stage.until(lambda: "token 1 of 4" in place(stage))
        await stage.pilot.hover(HeatText, offset=(2, 0))
        await stage.until(lambda: "token 3 of 4" in place(stage))
        await stage.press("right")  # what the keys do is to be seen
        await stage.until(lambda: "token 2 of 4" in place(stage))

    play(chat, scene)


def test_the_heat_comes_and_goes_and_grows_with_a_reply() -> None:
    gate = threading.Semaphore(2)
    chat = make_chat(Script(["**cat** and dog."], gate=gate))

    async def scene(stage: Stage) -> None:
        await stage.press("f3")
        await stage.send("hello", wait=False)
        await stage.until(lambda: heated(stage) == ["**c"])
        assert stage.draft == ""
        await stage.type("more")  # the keys are still the prompt's
        assert stage.draft == "more"
        for _ in range(30):
            gate.release()
        await stage.idle()
        assert heated(stage) == ["**cat** and dog."]
        assert not stage.screen.query_one(".assistant .said").display
        await stage.send("/tokens")  # the same by its name
        await stage.until(lambda: heated(stage) == [])
        assert stage.screen.query_one(".assistant .said").display

    play(chat, scene)


def test_what_is_known_of_every_token_and_going_on_from_another() -> None:
    chat = make_chat(Script(["cat."]))

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        reply = chat.session.ledger.path()[-1]
        assert sorted(reply.choices) == [0, 1, 2, 3, 4]  # the end is a choice as well
        await stage.press("f3", "right")
        await stage.until(lambda: "token 2 of 4" in place(stage))
        assert others(stage).highlighted == 0
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
        assert stage.screen.query_one(HeatTranscript).heat
        await stage.press("f3", "shift+tab", "left")
        await stage.until(lambda: stage.said[-1:] == ["cat."])
        cached = completer_of(chat).ids
        window = chat.session.window(between(None, other))
        assert cached == window[: len(cached)]

    play(chat, scene)


def test_a_click_on_a_token_and_on_another_one() -> None:
    chat = make_chat(Script(["cat."]))

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        reply = chat.session.ledger.path()[-1]
        await stage.press("f3")
        await stage.until(lambda: others(stage).option_count > 0)
        await stage.pilot.click(HeatText, offset=(2, 0))
        await stage.until(lambda: "token 3 of 4" in place(stage))
        await stage.pilot.pause()
        await stage.pilot.click("#runners-up OptionList", offset=(3, 1))
        await stage.until(lambda: chat.session.ledger.last("assistant") is not reply)
        await stage.idle()
        other = chat.session.ledger.path()[-1]
        assert other.ids[:3] == [*reply.ids[:2], reply.choices[2].top[1][0]]

    play(chat, scene)


def test_the_next_surprise_goes_around_and_likely_tokens_are_none() -> None:
    chat = make_chat(Script(["cats."]))

    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        reply = chat.session.ledger.path()[-1]
        for i in (1, 3):
            reply.choices[i] = choice_of(np.zeros(300, np.float32), reply.ids[i])
        await stage.press("f3")
        transcript, seen = stage.screen.query_one(HeatTranscript), list[int]()
        for _ in range(3):
            await stage.press("n")
            seen.append(transcript.cursor)
        assert seen == [1, 3, 1]

    play(chat, scene)
