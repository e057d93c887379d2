"""Plain lines: pipes end, dumb terminals and screen readers see nothing drawn twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.chat import Chat
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
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from llama2ncnn_chat.ui.repl.completion import whole_lines
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from llama2ncnn_chat.ui.repl.loop import Repl
from llama2ncnn_chat.ui.repl.screen import Screen
from tests.chatting import answering, bytes_of, do, make_chat, transcript
from tests.fakes import EOS, ScriptedEngine


def talk(
    chat: Chat,
    typed: str,
    *,
    label: str = "",
    roles: bool = False,
    live: bool = False,
    colour: bool = False,
) -> None:
    screen = Screen(live=live, colour=colour, roles=roles, errors_apart=not label)
    Repl(chat, screen).run(LinePrompt(label, stdin=io.StringIO(typed)))


def test_the_end_of_input_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat()
    talk(chat, "hello\n\n\nagain")
    assert transcript(chat) == ["hello", "You said hello.", "again", "You said again."]
    assert capsys.readouterr().out == "You said hello.\nYou said again.\n"


def test_no_input_is_no_message() -> None:
    chat = make_chat()
    talk(chat, "")
    assert transcript(chat) == []


def test_what_follows_exit_is_not_read() -> None:
    chat = make_chat()
    talk(chat, "/exit\nhello\n")
    assert transcript(chat) == []


def test_refusals_go_to_stderr_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    talk(make_chat(), "/exited\nhello\n")
    out, err = capsys.readouterr()
    assert out == "You said hello.\n"
    assert "/exit?" in err


def test_a_long_message_reaches_the_model_to_the_last_byte() -> None:
    engine = ScriptedEngine(lambda _: EOS, context_length=2000)
    message = "für €5, " * 100  # more than the buffer of 512 bytes that others read into
    talk(make_chat(engine), f"{message}\n")
    assert bytes_of(engine.fed) == f"[INST] {message.strip()} [/INST]".encode()


def test_three_quotes_hold_lines_together() -> None:
    chat = make_chat()
    talk(chat, '"""one\ntwo\n\n/three\n"""\n"""four"""\n')
    assert transcript(chat)[::2] == ["one\ntwo\n\n/three", "four"]


def test_nobody_to_ask_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(
        answering(lambda m: "ok", context_length=100), settings=Settings(on_full="ask")
    )
    talk(chat, f"{'a' * 50}\n{'b' * 50}\n")
    assert transcript(chat)[::2] == ["a" * 50]


@pytest.mark.parametrize(
    ("typed", "yes", "more"), [("y\nend\n", True, ["end"]), ("No\nend\n", False, ["end"]),
    ("yes or no?\nend\n", False, ["yes or no?", "end"]), ("", False, [])]
)  # fmt: skip
def test_in_a_pipe_an_answer_is_one_and_any_other_line_comes_next(
    typed: str, yes: bool, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = LinePrompt(stdin=io.StringIO(typed))
    assert prompt.confirm("Delete it?") is yes
    assert capsys.readouterr() == ("", f"Delete it? [y/N] {'yes' if yes else 'no'}\n")
    assert [prompt.read() for _ in more] == [Message(line) for line in more]
    with pytest.raises(EOFError):
        prompt.read()


def test_a_question_is_asked_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(
        answering(lambda m: "ok", context_length=100), settings=Settings(on_full="ask")
    )
    talk(chat, f"{'a' * 50}\n{'b' * 50}\ny\n", label="> ")
    assert "[y/N]" in capsys.readouterr().out
    assert transcript(chat)[::2] == ["a" * 50, "b" * 50]


def test_a_reply_that_fills_the_context_asks_too(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(
        answering(lambda m: ("ok " if m == "hi" else "long ") * 40, context_length=300),
        settings=Settings(on_full="ask"),
    )
    talk(chat, "hi\ngo\ny\n", label="> ")
    assert "Let the model forget the oldest 2 turns? [y/N]" in capsys.readouterr().out
    assert transcript(chat)[-1] == "long " * 40
    assert [row.hidden for row in chat.view.rows()] == [True, True, False, False]


def test_a_reply_that_a_stop_string_cuts_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(settings=Settings(stops=("lo",)))
    talk(chat, "hello\n", label="> ")
    assert "You said hel\n(stopped before 'lo', a stop string)" in capsys.readouterr().out
    assert transcript(chat)[-1] == "You said hel"


def test_a_mark_of_the_byte_order_is_no_part_of_a_command() -> None:
    chat = make_chat()
    talk(chat, "\ufeff/exit\nhello\n")
    assert transcript(chat) == []


def test_an_edit_is_typed_anew(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat()
    talk(chat, "first\n/edit\nsecond\n/edit\n\nthird\n", label="> ")
    assert "edit> " in capsys.readouterr().out
    assert transcript(chat)[::2] == ["second", "third"]


def test_a_file_goes_with_the_next_message(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = make_chat()
    with open(f"{tmp_path}/f.txt", "w") as file:
        file.write("/content")
    talk(chat, f"/read {tmp_path}/f.txt\n/context\nwhat is it?\nand?\n", label="> ")
    assert "goes with your next message" in capsys.readouterr().out
    assert transcript(chat)[::2] == ["/content\n\nwhat is it?", "and?"]


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
    assert "(there is no more of it)" in capsys.readouterr().out
    assert transcript(chat) == ["hello", "You said hello."]


def test_what_tab_offers_are_whole_lines(tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    chat = make_chat(store=Store.open())
    complete = whole_lines(chat)
    do(chat, "hello")
    do(chat, "/save greetings")
    assert complete("/conte") == ["/context"]
    assert complete("/set on_full s") == ["/set on_full shift", "/set on_full stop"]
    assert complete(f"/read {tmp_path}/fi") == [f"/read {tmp_path}/file.txt"]
    assert complete("/load gr") == ["/load greetings"]
    chat.close()
    assert complete("no / command") == complete("//con") == []


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
    assert "oldest 2 turns (312 tokens)" in told


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
    assert "(4 earlier turns)" in out
    assert "(the model sees only what comes now)\n> " in out
    assert "> message 4\nre message 4\n" in out


class Keyboard(io.StringIO):
    """Lines of a terminal; None is a Ctrl+C."""

    def __init__(self, *typed: str | None) -> None:
        super().__init__()
        self._typed = iter(typed)

    def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]
        line = next(self._typed)
        if line is None:
            raise KeyboardInterrupt
        return line


def test_ctrl_c_arms_and_a_second_one_in_a_row_quits(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = LinePrompt("> ", stdin=Keyboard(None, "hello\n", None, None))
    assert prompt.read() == Message("hello")
    assert "(Ctrl+C again quits)" in capsys.readouterr().out
    with pytest.raises(EOFError):
        prompt.read()


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
    assert "this message" in str(repl.toolbar("a good day", False))
    assert "this message" not in str(repl.toolbar("a bad day", False))
    repl.run(LinePrompt("> ", stdin=io.StringIO("a bad day\na good day\na new day\n")))
    said = capsys.readouterr().out
    assert "refuses this: mind your words" in said
    assert "tokens read again" in said.partition("a good day")[2]
    assert transcript(chat)[::2] == ["a good day", "a new day"]
