"""Sessions come back as they were left, and grow as their replies do."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.conversation.ledger import Ledger, Run, Turn
from llama2ncnn_chat.conversation.recorder import Recorder
from llama2ncnn_chat.events import FinishReason, Timings
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.store import Store
from tests.storage.stored import META, described, growing, say, session

operations = st.lists(
    st.tuples(
        st.sampled_from(["message", "reply", "grow", "finish", "undo", "redo", "choose", "remove"]),
        st.integers(0, 1000),
        st.text(max_size=8),
    ),
    max_size=40,
)


def operate(ledger: Ledger, recorder: Recorder, what: str, number: int, text: str) -> None:
    """One thing that may happen in a session, or nothing if it can't now."""
    head, turns = ledger.head, list(ledger.turns())
    ids = [(number * 31 + i) % 32000 for i in range(number % 9)]
    if what == "message":
        recorder.turn_added(ledger.add(Turn("user", text, ids)))
    elif what == "reply":
        run = Run(0, number, Sampling(top_k=number), number or None, (text,))
        recorder.turn_added(ledger.add(Turn("assistant", "", [], runs=[run])))
    elif what == "grow" and head:
        head.ids, head.text = [*head.ids, *ids], head.text + text
        recorder.turn_grew(head)
    elif what == "finish" and head:
        head.finish = "cancelled" if number % 2 else "stop"
        head.timings = Timings(number, 1.5, 3, 4, 0.1)
        recorder.turn_finished(head)
    elif what == "remove" and head and not head.children:
        ledger.remove(head)
        recorder.turn_removed(head)
    elif what in ("undo", "redo", "choose") and turns:
        if what == "choose":
            ledger.walk_to(turns[number % len(turns)])
        else:
            (ledger.undo if what == "undo" else ledger.redo)(1)
        recorder.head_moved(ledger.head, first_visible(ledger, number))


def first_visible(ledger: Ledger, number: int) -> Turn | None:
    path = ledger.path()
    return path[number % len(path)] if path and number % 3 else None


@settings(max_examples=80)
@given(operations)
def test_any_tree_is_resumed_as_it_was(steps: list[tuple[str, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sessions.db")
        ledger = Ledger()
        with closing(Store.open(path, clock=lambda: 0.0)) as store:
            recorder = store.create(META)
            for step in steps:
                operate(ledger, recorder, *step)
            session_id = recorder.session_id
        with closing(Store.open(path)) as store:
            if session_id is None:
                assert store.list() == []
            else:
                resumed = store.resume(session_id).ledger
                assert described(resumed) == described(ledger)
                if ledger.head:  # else which of the first messages it was isn't kept
                    assert resumed.redo(99) == ledger.redo(99)
                    assert described(resumed) == described(ledger)


def test_a_session_comes_back_with_all_that_belongs_to_it(path: Path) -> None:
    ledger = Ledger()
    with closing(Store.open(path)) as store:
        recorder = store.create(META)
        first, *_ = say(ledger, recorder, "hello", "hi", "how are you?", "well")
        recorder.head_moved(ledger.head, ledger.path()[2])
        recorder.meta_changed(replace(META, system="Be long."))
        assert recorder.session_id
    with closing(Store.open(path)) as store:
        info = store.latest()
        assert info
        assert (info.name, info.model, info.n_exchanges, info.first_text) == (
            "Birds", "tiny", 2, first.text,
        )  # fmt: skip
        loaded = store.resume(info.id)
        assert loaded.meta == replace(META, system="Be long.")
        assert loaded.first_visible is loaded.ledger.path()[2]
        assert not loaded.read_only
        say(loaded.ledger, loaded.recorder, "and now?")
        assert described(store.resume(info.id).ledger) == described(loaded.ledger)


def test_nothing_is_stored_before_the_first_turn(store: Store) -> None:
    recorder = store.create(META)
    recorder.meta_changed(META)
    recorder.head_moved(None, None)
    recorder.close()
    assert recorder.session_id is None
    assert store.list() == []
    assert store.latest() is None


def test_a_session_whose_only_turn_was_taken_back_is_not_listed_but_goes_on(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    (turn,) = say(ledger, recorder, "hello")
    ledger.remove(turn)
    recorder.turn_removed(turn)
    assert store.list() == []
    say(ledger, recorder, "again")
    assert [info.first_text for info in store.list()] == ["again"]


def test_undecodable_input_is_stored_readably(store: Store) -> None:
    session_id = session(store, "caf\udce9", name="\udcff")
    assert store.resume(session_id).ledger.path()[0].text == "caf?"


def test_a_conversation_of_many_turns_is_removed_for_good(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    for _ in range(1100):  # deeper than SQLite follows a cascade
        recorder.turn_added(ledger.add(Turn("user", "again", [1])))
    assert recorder.session_id
    store.delete(recorder.session_id)
    recorder.close()
    assert store.purge_deleted(0) == [recorder.session_id]


def test_growth_is_flushed_at_once_then_by_tokens_or_time(path: Path) -> None:
    now = 100.0
    with closing(Store.open(path, clock=lambda: now)) as store:
        reply, recorder, stored = growing(store)
        seen = []
        for _ in range(17):
            reply.ids.append(1)
            recorder.turn_grew(reply)
            seen.append(stored())
        assert seen == [1] * 8 + [9] * 8 + [17]
        for now in (100.1, 100.2, 100.26):  # noqa: B007, the clock reads it
            reply.ids.append(1)
            recorder.turn_grew(reply)
            seen.append(stored())
        assert seen[-3:] == [17, 17, 20]
        reply.ids.append(1)
        recorder.turn_grew(reply)
        assert stored() == 20
        recorder.flush()
        assert stored() == 21


def test_a_reply_is_flushed_before_old_turns_go_and_the_rest_is_read_again(path: Path) -> None:
    with closing(Store.open(path, clock=lambda: 0.0)) as store:
        reply, recorder, stored = growing(store)
        for _ in range(4):
            reply.ids.append(1)
            recorder.turn_grew(reply)
        assert stored() == 1
        recorder.head_moved(reply, None)
        assert stored() == 4


def test_continuing_flushes_at_once_again(path: Path) -> None:
    with closing(Store.open(path, clock=lambda: 0.0)) as store:
        reply, recorder, stored = growing(store)
        finishes: tuple[FinishReason | None, ...] = ("cancelled", None)
        for finish in finishes:
            reply.ids += [1]
            recorder.turn_grew(reply)
            if finish:
                reply.finish = finish
                recorder.turn_finished(reply)
        assert stored() == 2
        (row,) = store._db.rows("SELECT finish FROM turn WHERE id = ?", reply.key)
        assert row["finish"] == "cancelled"  # as it was when the growth was written
