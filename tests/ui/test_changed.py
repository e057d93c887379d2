"""A model whose file is overwritten in the middle of a chat: a line says so, nothing is lost."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convert.pipeline import convert
from convert.stem import file_of
from llama2ncnn_chat import arguments
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.outcomes import Complain
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from llama2ncnn_chat.ui.repl.loop import Repl
from llama2ncnn_chat.ui.repl.screen import Screen
from tests.chatting import do, transcript
from tests.ui.tui.stage import Stage, play

SAID = "m.ncnn.bin: was changed while it was in use"
STEP = lambda _what: lambda _done, _total: None  # noqa: E731


def as_a_copy_over_it(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def cut_short(path: Path) -> None:
    os.truncate(path, 4096)


@pytest.fixture(params=["q8", "fp32", "int8"])
def chat(request: pytest.FixtureRequest, raw: Path, stem: str) -> Iterator[Chat]:
    convert(raw, stem, weights=request.param)
    flags = [stem, "--temp", "0", "-n", "4", "--template", "plain"]
    chat = open_chat(options_of(arguments.parse("chat", flags)), STEP)
    yield chat
    chat.close()


@pytest.fixture(params=[as_a_copy_over_it, cut_short])
def change(request: pytest.FixtureRequest, stem: str) -> Callable[[], None]:
    return lambda: request.param(file_of(Path(stem), ".bin"))


def is_stored(chat: Chat) -> bool:
    """Tell whether what stands on the disk is the conversation."""
    before = transcript(chat)
    store = Store.open()
    try:
        return [turn.text for turn in store.resume(1).ledger.path()] == before
    finally:
        store.close()


def test_a_command_and_the_next_message_find_the_session_as_it_was(
    chat: Chat, change: Callable[[], None]
) -> None:
    do(chat, "hello")
    before = transcript(chat)
    change()
    for _ in range(2):
        with pytest.raises(Exception, match=SAID):
            list(chat.send("and now?"))
    assert transcript(chat) == before
    assert not any(isinstance(outcome, Complain) for outcome in do(chat, "/context"))
    assert [turn.text for turn in chat.session.ledger.path()] == before


def test_the_line_editor_says_it_and_goes_on(
    chat: Chat, change: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = io.StringIO("hello\nagain\n/context\n")
    real, n = lines.readline, iter([lambda: None, change])

    def readline(most: int = -1) -> str:
        next(n, lambda: None)()
        return real(most)

    lines.readline = readline  # type: ignore[method-assign]
    screen = Screen(live=False, colour=False, roles=False, errors_apart=True)
    Repl(chat, screen).run(LinePrompt(stdin=lines))
    out, err = capsys.readouterr()
    assert SAID in err
    assert "free" in out + err
    assert transcript(chat)[0] == "hello"
    assert len(transcript(chat)) == 2
    assert is_stored(chat)


def test_the_full_screen_says_it_and_keeps_the_draft(
    chat: Chat, change: Callable[[], None]
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        before = stage.said
        change()
        await stage.send("and now?")
        await stage.until(lambda: SAID in stage.status)
        assert stage.draft == "and now?"
        assert stage.said == before
        assert is_stored(chat)

    play(chat, scene)
