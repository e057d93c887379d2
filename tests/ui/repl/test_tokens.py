"""``/tokens`` line by line: the last reply by how likely its tokens were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.events import Choice, Tokens
from llama2ncnn_chat.ui.repl.tokens import drawn, surprises
from llama2ncnn_chat.ui.terminal import without_sequences
from tests.chatting import make_chat
from tests.fakes import EOS, ByteTokenizer, Float32, ScriptedEngine
from tests.inside import script_of
from tests.ui.repl.talking import talk

A, B, SPACE = (byte + 3 for byte in b"ab ")


class Torn(ScriptedEngine):
    """Says "a" again and again, which it finds as likely as "b"; greedy takes the lower id."""

    def forward_all(self, ids: Sequence[int]) -> Float32:
        rows = super().forward_all(ids)
        rows[:, B] = rows[:, A]
        return rows


def torn_chat() -> Chat:
    chat = make_chat(Torn(lambda _: A, context_length=2000))
    chat.set_setting("temperature", "0")
    chat.set_setting("max_tokens", "3")
    return chat


def test_a_reply_that_was_written_without_is_read_for_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = torn_chat()
    talk(chat, "hello\n/tokens\n", label="> ")
    out = capsys.readouterr().out
    assert "[a 50%][a 50%][a 50%]\n" in out
    assert out.count("(a 50.0%, and not b 50.0%)") == 3
    reply = chat.session.ledger.path()[-1]
    assert sorted(reply.choices) == [0, 1, 2]
    fed = len(script_of(chat).fed)
    talk(chat, "/tokens\n", label="> ")
    assert len(script_of(chat).fed) == fed


def test_in_colour_the_legend_has_the_tints(capsys: pytest.CaptureFixture[str]) -> None:
    talk(torn_chat(), "hello\n/tokens\n", label="> ", colour=True)
    out = capsys.readouterr().out
    assert "likely 90% \x1b[4;32m50%\x1b[0m" in out
    assert "m50%" not in without_sequences(out)


def test_a_screen_reader_hears_no_reply_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    talk(torn_chat(), "hello\n/tokens\n", label="> ", roles=True)
    assert capsys.readouterr().out.count("Assistant") == 2  # the reply, and it by its tokens


def test_without_a_reply_there_is_nothing_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    talk(make_chat(), "/tokens\n", label="> ")
    assert "there is no reply yet" in capsys.readouterr().out


def test_tints_go_with_likelihood_and_change_no_text() -> None:
    likely = (0.95, 0.6, 0.3, 0.1, 0.01)
    ids = (A, B, SPACE, A, B)
    choices = {i: Choice(ids[i], p, ((A, 0.5), (EOS, 0.2))) for i, p in enumerate(likely)}
    tokens = Tokens((*ids, A), choices)  # of the last one nothing is known
    shown = drawn(ByteTokenizer(), tokens, colour=True)
    assert without_sequences(shown) == "ab aba"
    assert shown.startswith("a\x1b[")
    assert shown.endswith("b\x1b[0ma")
    assert len(set(shown.split("\x1b[0m")[:-1])) == 4
    assert drawn(ByteTokenizer(), tokens, colour=False) == "ab [a 10%][b 1%]a"
    assert list(surprises(ByteTokenizer(), tokens)) == [
        "b 1.0%, and not a 50.0%, (end) 20.0%",
        "a 10.0%, and not (end) 20.0%",
        "␣ 30.0%, and not a 50.0%, (end) 20.0%",
    ]


def test_a_reply_cannot_command_the_terminal() -> None:
    escape = 0x1B + 3
    tokens = Tokens((escape, A), {0: Choice(escape, 0.01, ())})
    assert "\x1b[2J" not in drawn(ByteTokenizer(), tokens, colour=True)
    assert drawn(ByteTokenizer(), tokens, colour=False).count("\x1b") == 0
