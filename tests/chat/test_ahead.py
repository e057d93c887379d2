"""What is read before a message is sent: while it is typed, and what others have begun with."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama2ncnn_chat.chat.ahead import hold, prefill_ahead
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.line import begun
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.paths import cache_dir
from llama2ncnn_chat.storage.kv_keeper import SHARED_TOKENS
from llama2ncnn_chat.storage.store import Store
from tests.chatting import bytes_of, do, make_chat, stored_chat, transcript
from tests.conversation.scripted import finish
from tests.inside import completer_of, script_of

LONG_SYSTEM = Settings(system="You are as brief as can be, and a little rude. " * 3)


def pause(chat: Chat, typed: str) -> int:
    """Stop typing for a moment; returns how many tokens were read for it."""
    before = len(script_of(chat).fed)
    prefill_ahead(chat, begun(typed))
    finish(completer_of(chat))
    return len(script_of(chat).fed) - before


def openings() -> list[Path]:
    return sorted((cache_dir() / "snapshots").glob("opening-*"))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("  hello ", "hello "),
        ("//etc is", "/etc is"),
        ("/set temp", ""),
        ("/", ""),
        ("", ""),
        ("two\nlines\n", "two\nlines\n"),
    ],
)
def test_what_is_typed_is_a_message_as_far_as_it_goes(typed: str, text: str) -> None:
    assert begun(typed).text == text


def test_a_message_is_read_while_it_is_typed() -> None:
    chat = make_chat()
    assert pause(chat, "hello to you ") > len("hello to you")
    hold(chat)
    fed = len(script_of(chat).fed)
    do(chat, "hello to you too")
    assert transcript(chat) == ["hello to you too", "You said hello to you too."]
    read = len(script_of(chat).fed) - fed - len(" You said hello to you too.")
    assert read < len(" too [/INST]") + 4
    chat.close()


def test_it_can_be_switched_off() -> None:
    chat = make_chat()
    do(chat, "/set prefill_ahead off")
    assert chat.setting("prefill_ahead") == "off"
    assert pause(chat, "hello to you ") == 0
    do(chat, "/set prefill_ahead on")
    assert pause(chat, "hello to you ") > 0
    chat.close()


def test_nothing_is_read_ahead_while_a_reply_is_written() -> None:
    chat = make_chat()
    events = chat.send("hello")
    next(events)
    assert pause(chat, "and another one after that ") == 0
    events.close()
    chat.close()


def test_a_command_that_is_typed_has_the_beginning_read() -> None:
    chat = make_chat(settings=LONG_SYSTEM)
    assert pause(chat, "/set temp") > len(LONG_SYSTEM.system)
    chat.close()


def test_a_chat_is_closed_in_the_middle_of_it() -> None:
    chat = make_chat()
    prefill_ahead(chat, begun("a message " * 100))
    chat.close()
    chat.close()
    assert completer_of(chat)._background._thread is None


def test_another_session_begins_with_what_one_has_kept() -> None:
    first = stored_chat(settings=LONG_SYSTEM)
    do(first, "hello")
    first.close()
    (kept,) = openings()
    when = kept.stat().st_mtime_ns
    for text in ("hello", "something else"):
        chat = stored_chat(settings=LONG_SYSTEM)
        assert script_of(chat).position > len(LONG_SYSTEM.system)
        assert chat.session.window([]) == []
        do(chat, text)
        assert transcript(chat) == [text, f"You said {text}."]
        said = f" [/INST] You said {text}."
        assert len(script_of(chat).fed) <= len(f" {text}{said}") + 1
        chat.close()
    assert openings() == [kept]
    assert kept.stat().st_mtime_ns > when  # used, so that others go first


@pytest.mark.parametrize(
    "other",
    [
        {"settings": Settings(system=LONG_SYSTEM.system + "Or so.")},
        {"settings": LONG_SYSTEM, "fingerprint": "f2"},
    ],
    ids=["another prompt", "another model"],
)
def test_what_differs_is_kept_for_itself(other: dict[str, object]) -> None:
    first = stored_chat(settings=LONG_SYSTEM)
    do(first, "hello")
    first.close()
    chat = stored_chat(**other)
    assert script_of(chat).position == 0
    do(chat, "hello")
    chat.close()
    assert len(openings()) == 2


def test_what_is_soon_read_is_not_kept() -> None:
    chat = stored_chat(settings=Settings(system="x" * (SHARED_TOKENS // 2)))
    do(chat, "hello")
    chat.close()
    assert openings() == []


def test_nothing_is_kept_of_a_session_that_is_not() -> None:
    for chat in (
        make_chat(settings=LONG_SYSTEM),
        make_chat(settings=LONG_SYSTEM, store=Store.open()),
        stored_chat(settings=LONG_SYSTEM),
    ):
        if chat.store is None or chat._keeping._caches._snapshots is None:
            do(chat, "hello")
        chat.close()
    assert openings() == []


def test_it_goes_with_a_session_that_is_deleted() -> None:
    chat = stored_chat(settings=LONG_SYSTEM)
    do(chat, "a secret")
    chat.new()
    assert len(openings()) == 1
    do(chat, "/delete 1")
    assert openings() == []
    chat.close()
    assert openings() == []


def test_a_new_session_in_a_chat_needs_no_file() -> None:
    chat = stored_chat(settings=LONG_SYSTEM)
    do(chat, "hello")
    chat.new()
    for path in openings():
        path.unlink()
    fed = len(script_of(chat).fed)
    assert pause(chat, "hello to you ") < len(" hello to you") + 1
    assert len(script_of(chat).fed) > fed
    chat.close()


def test_the_files_that_a_message_names_are_read_with_it(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("Roses are red.")
    chat = make_chat()
    pause(chat, f"see @{tmp_path}/poem.txt and say ")
    assert "Roses are red.\n\nsee " in bytes_of(script_of(chat).ids).decode()
    chat.close()
