"""The open session and how it is switched: what is kept, restored, copied, and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama2ncnn_chat.conversation.session import BusyError
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import Store
from tests.chatting import (
    LONG,
    answering,
    do,
    echo,
    make_chat,
    stored_chat,
    talk_and_close,
    transcript,
)
from tests.inside import script_of


def test_a_resumed_conversation_is_read_from_its_snapshot() -> None:
    talk_and_close(LONG, "two")
    chat = stored_chat()
    chat.resume(1)
    assert transcript(chat) == [LONG, f"You said {LONG}.", "two", "You said two."]
    assert chat.pop_notes() == []
    cached = script_of(chat).position
    assert cached == chat.session.context().used
    do(chat, "three")
    assert len(script_of(chat).fed) < len(" [INST] three [/INST]") + len("You said three.") + 8
    chat.close()


def test_without_a_snapshot_it_is_read_again_and_said_why() -> None:
    talk_and_close(LONG)
    chat = stored_chat()
    SnapshotStore().delete(1)
    chat.resume(1)
    used = chat.session.context().used
    assert chat.pop_notes() == [
        f"the next reply begins later: {used} tokens are read again (nothing was kept of it)"
    ]
    do(chat, "two")
    assert transcript(chat)[3] == "You said two."
    chat.close()


def test_what_another_kind_of_cpu_or_another_ncnn_has_read_is_read_again() -> None:
    talk_and_close(LONG)
    engine = answering(echo)
    engine.computed_by = "ncnn 1 avx512"
    chat = stored_chat(engine=engine)
    chat.resume(1)
    used = chat.session.context().used
    assert [f"{used} tokens are read again" in note for note in chat.pop_notes()] == [True]
    assert script_of(chat).position == 0
    chat.close()


def test_no_kv_cache_writes_none() -> None:
    chat = make_chat(store=Store.open())
    do(chat, LONG)
    chat.close()
    assert SnapshotStore().total_bytes() == 0
    chat = make_chat(store=Store.open())
    chat.resume(1)
    assert "(--no-kv-cache)" in chat.pop_notes()[0]
    chat.close()


def test_what_was_read_of_another_path_is_not_kept() -> None:
    said = ["first"]
    chat = stored_chat(engine=answering(lambda _: said[-1]))
    do(chat, LONG)
    said.append("second")
    do(chat, "/regen")
    do(chat, "/prev")
    assert transcript(chat)[1] == "first"
    chat.close()
    chat = stored_chat()
    chat.resume(1)
    assert script_of(chat).position > len(LONG)
    chat.close()


def test_settings_come_back_with_a_session_unless_given() -> None:
    chat = stored_chat(settings=Settings(system="Old.", sampling=Sampling(top_k=3, top_p=0.5)))
    do(chat, "hello")
    chat.close()
    now = Settings(system="New.", sampling=Sampling(top_k=9, top_p=0.9))
    chat = stored_chat(settings=now, given=frozenset({"top_k"}))
    chat.resume(1)
    assert chat.settings.system == chat.session.renderer.system == "Old."
    assert (chat.settings.sampling.top_k, chat.settings.sampling.top_p) == (9, 0.5)
    chat.close()
    chat = stored_chat(settings=now, given=frozenset({"system"}))
    chat.resume(1)
    assert chat.settings.system == "New."
    assert chat.session.ledger.roots[0].ids == chat.session.renderer.message("hello", first=True)
    chat.close()
    chat = stored_chat()
    chat.resume(1)
    assert chat.settings.system == "New."
    assert transcript(chat) == ["hello", "You said hello."]  # the head stayed where it was
    chat.close()


def test_what_cannot_be_opened_leaves_all_as_it_was() -> None:
    chat = stored_chat()
    do(chat, "hello")
    with pytest.raises(ChatError, match="no session 7"):
        chat.resume(7)
    do(chat, "again")
    assert len(transcript(chat)) == 4
    assert chat.session_id == 1
    chat.close()


def test_what_was_undone_comes_back_after_a_restart() -> None:
    talk_and_close("one", "two", "three", "/undo 2")
    chat = stored_chat()
    chat.resume(1)
    assert transcript(chat) == ["one", "You said one."]
    do(chat, "/redo")
    assert transcript(chat)[2:] == ["two", "You said two."]
    do(chat, "/redo 9")
    assert transcript(chat)[4:] == ["three", "You said three."]
    do(chat, "/undo 3")
    chat.close()
    chat = stored_chat()
    chat.resume(1)
    assert transcript(chat) == []
    do(chat, "/redo 9")
    assert len(transcript(chat)) == 6
    chat.close()


def test_after_a_restart_redo_leads_back_to_the_first_message_that_was_open() -> None:
    chat = stored_chat()
    do(chat, "one")
    do(chat, "/edit two")
    chat.session.walk_to(chat.session.ledger.roots[0])
    chat.close()
    chat = stored_chat()
    chat.resume(1)
    do(chat, "/undo")
    do(chat, "/redo")
    assert transcript(chat) == ["one", "You said one."]
    chat.close()


def test_a_new_session_feeds_its_system_prompt_only_once() -> None:
    chat = stored_chat(settings=Settings(system="Be brief. " * 10))
    do(chat, "hello")
    fed = len(script_of(chat).fed)
    chat.new()
    do(chat, "hello")
    assert len(script_of(chat).fed) - fed < 60
    chat.close()


def test_nothing_is_switched_while_a_reply_is_written() -> None:
    chat = stored_chat()
    events = chat.send("hello")
    next(events)
    for change in (chat.new, lambda: chat.resume(1), lambda: chat.set_setting("seed", "1")):
        with pytest.raises(BusyError):
            change()
    events.close()
    chat.new()
    chat.close()


def test_a_seed_starts_over_with_a_session() -> None:
    chat = stored_chat(settings=Settings(seed=5))
    seeds = []
    for line in ("a", "b", "/new", "a"):
        do(chat, line)
        if chat.session.ledger.head:
            seeds.append(chat.session.ledger.head.runs[0].seed)
    assert seeds == [5, 6, 5]
    chat.close()


def test_close_keeps_a_reply_that_was_left_half_way(tmp_path: Path) -> None:
    chat = stored_chat()
    events = chat.send("hello")
    for _ in range(9):
        next(events)
    events.close()
    chat.close()
    chat.close()
    chat = stored_chat()
    chat.resume(1)
    half = transcript(chat)[1]
    assert "You said hello.".startswith(half)
    assert 0 < len(half) < 9
    do(chat, "/continue")
    assert transcript(chat)[1] == "You said hello."
    chat.close()


def test_the_engine_is_asked_nothing_before_a_message() -> None:
    chat = make_chat(answering(echo))
    assert script_of(chat).fed == []
    chat.close()


def test_a_session_of_a_longer_context_is_seen_from_where_it_fits() -> None:
    chat = make_chat(store=Store.open())
    for i in range(8):
        do(chat, f"message number {i}")
    chat.close()
    chat = make_chat(answering(echo, context_length=200), store=Store.open())
    chat.resume(1)
    assert any("longer than the context of 200" in note for note in chat.pop_notes())
    use = chat.session.context()
    assert use.hidden > 0
    assert 0 <= use.free < 60
    assert len(chat.session.ledger.path()) == 16
    chat.close()


def test_a_session_that_is_deleted_leaves_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    snapshots = SnapshotStore()
    monkeypatch.setattr(snapshots, "save", lambda session_id, *_: written.append(session_id))
    chat = make_chat(store=Store.open(), snapshots=snapshots)
    do(chat, LONG)
    do(chat, "/delete")
    assert written == []  # not even to be deleted then
    assert chat.session_id is None
    do(chat, LONG)
    chat.close()
    assert written == [2]
