"""Plain lines: pipes end, dumb terminals and screen readers see nothing drawn twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.ui.repl.completion import whole_lines
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from tests.chatting import answering, bytes_of, do, make_chat, transcript
from tests.fakes import EOS, ScriptedEngine
from tests.ui.repl.talking import talk


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
    assert "Let the model forget the oldest turn? [y/N]" in capsys.readouterr().out
    assert transcript(chat)[-1] == "long " * 40
    assert [row.hidden for row in chat.view.rows()] == [True, True, False, False]


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
    assert "(^c again quits)" in capsys.readouterr().out
    with pytest.raises(EOFError):
        prompt.read()


def test_a_bare_word_gets_a_hint_and_is_sent_when_it_is_typed_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = make_chat(answering(lambda message: f"so {message}"))
    talk(chat, "quit\nquit\n/quit\n", label="> ")
    out, err = capsys.readouterr()
    assert (out + err).count("/quit leaves; send 'quit' again") == 1
    assert transcript(chat)[0] == "quit"
