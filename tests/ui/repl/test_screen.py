"""What the line editor writes of replies: why they ended, what went, what was thought."""

from __future__ import annotations

import io

import pytest

from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.events import (
    ContextShifted,
    Events,
    Finished,
    PrefillProgress,
    TextDelta,
    Timings,
)
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from llama2ncnn_chat.ui.repl.loop import Repl
from llama2ncnn_chat.ui.repl.screen import Screen
from tests.chatting import answering, do, make_chat, transcript
from tests.ui.repl.talking import talk


def test_a_reply_that_a_stop_string_cuts_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(settings=Settings(stops=("lo",)))
    talk(chat, "hello\n", label="> ")
    assert "You said hel\n(stopped before 'lo', a stop string)" in capsys.readouterr().out
    assert transcript(chat)[-1] == "You said hel"


def test_a_screen_reader_hears_who_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    talk(make_chat(), "hello\n", label="You: ", roles=True)
    assert capsys.readouterr().out == "You: Assistant: You said hello.\nYou: \n"


def test_a_model_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[2Jb\x1b]0;title\x07c\x9b1md\r\x08e\x7f\n\tf"
    chat = make_chat(answering(lambda _: evil))
    talk(chat, "hello\n/copy\n", label="> ")
    out = capsys.readouterr().out
    assert "a[2Jb]0;titlec1mde\n\tf" in out
    assert transcript(chat)[1] == evil  # what it said is kept as it is


@pytest.mark.parametrize(
    ("settings", "context_length", "says"),
    [
        (Settings(max_tokens=5), 2000, "max_tokens 5 reached; /continue goes on"),
        (Settings(on_full="stop"), 50, "the context is full"),
    ],
)
def test_why_a_reply_ended_is_said(
    settings: Settings, context_length: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = make_chat(
        answering(lambda _: "x" * 80, context_length=context_length), settings=settings
    )
    talk(chat, "hello\n", label="> ")
    assert says in capsys.readouterr().out


def test_going_on_where_there_is_no_more_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat()
    talk(chat, "hello\n/continue\n", label="> ")
    assert "(nothing more came)" in capsys.readouterr().out
    assert transcript(chat) == ["hello", "You said hello."]


def test_a_shift_within_a_reply_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(live=False, colour=False, roles=False, errors_apart=False)

    def events() -> Events:
        yield PrefillProgress(4, 0, 4, 0.1)
        yield TextDelta("one ", (1,))
        yield ContextShifted(2, 312, 2)
        yield TextDelta("two", (2,))
        yield Finished("stop", (1, 2), Timings())

    screen.draw_reply(events(), lambda _: "")
    first, told, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("one ", "two")
    assert "oldest turn (312 tokens)" in told


def test_a_long_read_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(live=False, colour=False, roles=False, errors_apart=False)

    def events() -> Events:
        for n in (10, 20, 30):
            yield PrefillProgress(n, 100, 1100, n / 100)
        yield Finished("cancelled", (), Timings())

    screen.draw_reply(events(), lambda _: "")
    assert capsys.readouterr().out == "(reading 1,100 tokens, about 10 s)\n"


def test_a_resumed_conversation_is_shown_with_what_is_out_of_sight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = make_chat(answering(lambda m: f"re {m}", context_length=150))
    talk(chat, "".join(f"message {i}\n" for i in range(5)))
    assert chat.session.first_visible
    capsys.readouterr()
    talk(chat, "", label="> ")
    out = capsys.readouterr().out
    assert "(2 turns before)" in out
    assert "(the model sees only what comes now)\n> " in out
    assert "> message 4\nre message 4\n" in out


THOUGHT = "<think>\nhm **so**\n</think>\n\nyes"


def test_reasoning_is_dim_and_without_tags_where_there_is_colour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    talk(make_chat(answering(lambda _: THOUGHT)), "hello\n", colour=True)
    shown = capsys.readouterr().out.replace("\x1b[0m\x1b[2m", "")
    assert shown == "\x1b[2mhm **so**\x1b[0m\n\nyes\n"
    talk(make_chat(answering(lambda _: THOUGHT)), "hello\n")
    assert capsys.readouterr().out == f"{THOUGHT}\n"


def test_reasoning_that_was_cut_off_goes_on_dim(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(answering(lambda _: THOUGHT), settings=Settings(max_tokens=14))
    talk(chat, "hello\n/set max_tokens none\n/continue\n", colour=True)
    shown = capsys.readouterr().out.replace("\x1b[0m\x1b[2m", "")
    assert "\x1b[2mhm **\x1b[0m\n" in shown
    assert "\x1b[2mso**\x1b[0m\n\nyes\n" in shown


def test_reasoning_of_old_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(answering(lambda _: THOUGHT))
    do(chat, "hello")
    talk(chat, "", label="> ", colour=True)
    n = len(" <think>\nhm **so**\n</think>")  # a byte a token, and the template's space
    assert f"(thought for {n} tokens)\x1b[0m\nyes\n" in capsys.readouterr().out
    talk(chat, "", label="> ")
    assert THOUGHT in capsys.readouterr().out


def test_what_a_template_refuses_is_said_and_no_count_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = "{{ raise_exception('mind your words') if 'bad' in messages[-1].content }}[INST] "
    source += "{{ messages[-1].content }}[/INST]"
    chat = make_chat(settings=Settings(WholeTemplate("own", source, (), "2024-02-29")))
    screen = Screen(live=False, colour=False, roles=False, errors_apart=False)
    repl = Repl(chat, screen)
    assert "this message" in str(repl.toolbar(Message("a good day"), False))
    assert "this message" not in str(repl.toolbar(Message("a bad day"), False))
    repl.run(LinePrompt("> ", stdin=io.StringIO("a bad day\na good day\na new day\n")))
    said = capsys.readouterr().out
    assert "refuses this: mind your words" in said
    assert "tokens are read again" in said.partition("a good day")[2]
    assert transcript(chat)[::2] == ["a good day", "a new day"]
