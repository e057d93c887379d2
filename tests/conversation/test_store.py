"""Sessions come back as they were left; bad files, other programs and odd searches do no harm."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.conversation import schema
from llama2ncnn_chat.conversation.ledger import Ledger, Run, Turn
from llama2ncnn_chat.conversation.recorder import NullRecorder, Recorder
from llama2ncnn_chat.conversation.store import HIT, LoadedSession, SessionMeta, Store
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import FinishReason, Timings
from llama2ncnn_chat.settings import Sampling

META = SessionMeta("tiny", "f00d", "llama2", "Be brief.", Sampling(temperature=0.5), "Birds")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store.open(path)) as store:
        yield store


def say(ledger: Ledger, recorder: Recorder, *texts: str) -> list[Turn]:
    """Messages and finished replies, in turn."""
    turns = []
    for text in texts:
        last = ledger.head.role if ledger.head else "assistant"
        turn = ledger.add(Turn("user" if last == "assistant" else "assistant", text, [1, 2]))
        recorder.turn_added(turn)
        if turn.role == "assistant":
            turn.finish = "stop"
            recorder.turn_finished(turn)
        turns.append(turn)
    return turns


def session(store: Store, *texts: str, name: str = "") -> int:
    recorder = store.create(replace(META, name=name))
    say(Ledger(), recorder, *texts)
    recorder.close()
    assert recorder.session_id is not None
    return recorder.session_id


def described(ledger: Ledger) -> tuple[Any, ...]:
    """All that a ledger is, to compare two of them."""
    numbers: dict[Turn | None, int | None] = {turn: i for i, turn in enumerate(ledger.turns())}
    numbers[None] = None
    turns = [
        (
            *(t.role, t.text, t.ids, t.finish, t.runs, t.timings, t.key),
            *(numbers[t.parent], numbers[t.chosen], [numbers[child] for child in t.children]),
        )
        for t in ledger.turns()
    ]
    return turns, [numbers[root] for root in ledger.roots], numbers[ledger.head]


# A tree, recorded as it grows, is the tree that is resumed.

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
            ledger.choose(turns[number % len(turns)])
        else:
            (ledger.undo if what == "undo" else ledger.redo)(1)
        recorder.head_moved(ledger.head, first_visible(ledger, number))


def first_visible(ledger: Ledger, number: int) -> Turn | None:
    path = ledger.path()
    return path[number % len(path)] if path and number % 3 else None


@settings(max_examples=80, deadline=None)
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
        assert (info.name, info.model, info.n_turns, info.first_text) == (
            "Birds", "tiny", 4, first.text,
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


# A growing reply is written a few times a second.


def growing(store: Store) -> tuple[Turn, Recorder, Callable[[], int]]:
    ledger, recorder = Ledger(), store.create(META)
    say(ledger, recorder, "count")
    reply = ledger.add(Turn("assistant", "", []))
    recorder.turn_added(reply)
    return reply, recorder, lambda: len(store_rows(store, reply)[0])


def store_rows(store: Store, turn: Turn) -> tuple[list[int], str]:
    """What another program would see of the turn."""
    (row,) = store._db.rows("SELECT ids, text FROM turn WHERE id = ?", turn.key)
    return list(row["ids"][::4]), row["text"]


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


# The list, the search, and finding by name.


def names(store: Store, search: str = "") -> list[str]:
    return [info.name for info in store.list(search)]


def test_the_list_is_newest_first(store: Store) -> None:
    first = session(store, "one", name="A")
    session(store, "two", name="B")
    assert names(store) == ["B", "A"]
    loaded = store.resume(first)
    say(loaded.ledger, loaded.recorder, "more")
    assert names(store) == ["A", "B"]
    assert [info.name for info in store.list(limit=1)] == ["A"]


def test_search_finds_words_prefixes_and_names(store: Store) -> None:
    session(store, "Why do birds sing?", "To find each other.", name="Nature")
    session(store, "Cook me a soup", "Boil some water.", name="Kitchen talk")
    session(store, "鳥はなぜ歌うのですか", "C++ -> fast", name="100%")
    assert names(store, "birds") == ["Nature"]
    assert names(store, "wat") == ["Kitchen talk"]
    assert names(store, "BOIL wat") == ["Kitchen talk"]
    assert names(store, "wat boil") == []
    assert names(store, "kitch") == ["Kitchen talk"]
    assert names(store, "birds soup") == []
    assert names(store, "なぜ") == ["100%"]  # no spaces around it
    assert names(store, "->") == ["100%"]
    assert names(store, "0%") == ["100%"]
    assert names(store, "   ") == names(store)
    start, end = HIT
    assert store.list("sing")[0].snippet == f"Why do birds {start}sing{end}?"
    assert store.list("kitchen")[0].snippet == f"{start}Kitchen{end} talk"
    assert f"{start}なぜ{end}" in store.list("なぜ")[0].snippet


@pytest.mark.parametrize(
    "typed",
    ['"', '""', "'", "*", "-", "birds -sing", "(", "a AND", "NOT", "a OR (b", "text:birds", "^a",
     "a*b", "\0", "a\0b", "\udcff", "%", "_", "\\", "NEAR(a b", "{a}", "+", "😀"],
)  # fmt: skip
def test_whatever_is_typed_is_only_words(store: Store, typed: str) -> None:
    session(store, "Why do birds sing?", name="Nature")
    assert all(info.name == "Nature" for info in store.list(typed))


def test_no_search_ever_fails(store: Store) -> None:
    session(store, "Why do birds sing?")

    @settings(max_examples=200, deadline=None)
    @given(st.text(st.characters(), max_size=12))
    def search(typed: str) -> None:
        store.list(typed)

    search()


def test_removed_and_changed_texts_are_not_found(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    _, reply = say(ledger, recorder, "hello", "walrus")
    reply.text = "seal"
    recorder.turn_finished(reply)
    assert names(store, "walrus") == []
    assert names(store, "seal") == ["Birds"]
    ledger.remove(reply)
    recorder.turn_removed(reply)
    assert names(store, "seal") == []


def test_a_reply_that_never_finished_is_found_after_the_next_start(path: Path) -> None:
    with closing(Store.open(path)) as store:
        reply, recorder, _ = growing(store)
        reply.ids, reply.text = [7], "walrus sings"
        recorder.turn_grew(reply)
    with closing(Store.open(path)) as store:
        assert names(store, "sings walrus") == ["Birds"]  # by the index: it has no such text


def test_sessions_are_found_by_number_name_and_beginning(store: Store) -> None:
    birds, bees = session(store, "x", name="Birds"), session(store, "x", name="Bees")
    session(store, "x")
    assert store.find(str(birds)).id == birds
    assert store.find(" birds ").id == birds
    assert store.find("bee").id == bees
    with pytest.raises(ChatError, match=r"2 \(Bees\), 1 \(Birds\)"):
        store.find("b")
    for missing in ("fish", "", "99"):
        with pytest.raises(ChatError, match="no session"):
            store.find(missing)
    session(store, "x", name="bee")
    assert store.find("bee").name == "bee"  # a whole name before a beginning


def test_rename_delete_and_purge(store: Store) -> None:
    old = session(store, "walrus", name="Old")
    store.rename(old, "New")
    assert names(store, "new") == ["New"]
    assert names(store, "old") == []
    store.delete(old)
    assert names(store) == names(store, "walrus") == []
    for action in (store.resume, store.delete, store.fork):
        with pytest.raises(ChatError, match="no session"):
            action(old)
    store.undelete(old)
    assert names(store) == ["New"]
    store.delete(old)
    assert store.purge_deleted(older_than=60) == []
    assert store.purge_deleted(older_than=0) == [old]
    assert store._db.rows("SELECT * FROM turn") == store._db.rows("SELECT * FROM turn_index") == []
    with pytest.raises(ChatError, match="gone for good"):
        store.undelete(old)
    assert session(store, "next") > old


def test_a_fork_has_the_path_and_nothing_else(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    say(ledger, recorder, "hello", "hi")
    ledger.move(ledger.path()[0])
    _, question, answer = say(ledger, recorder, "hey there", "how are you?", "well, walrus")
    recorder.head_moved(ledger.head, question)
    assert recorder.session_id
    before = described(ledger)
    fork = store.resume(store.fork(recorder.session_id))
    assert fork.meta == replace(META, name="Birds (fork)")
    assert [t.text for t in fork.ledger.turns()] == [t.text for t in ledger.path()]
    assert fork.ledger.path()[-1].ids == answer.ids
    assert fork.first_visible is fork.ledger.path()[2]
    assert names(store, "walrus") == ["Birds (fork)", "Birds"]
    assert described(store.resume(recorder.session_id).ledger) == before
    shorter = store.resume(store.fork(fork.id, fork.ledger.path()[1]))
    assert shorter.meta.name == "Birds (fork 2)"
    assert [t.text for t in shorter.ledger.path()] == ["hello", "hey there"]


# Two programs.

HOLD = """
import sys
from pathlib import Path
from llama2ncnn_chat.conversation.store import Store
store = Store.open(Path(sys.argv[1]))
print(store.resume(int(sys.argv[2])).read_only, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_program() -> Iterator[Callable[[Path, int], subprocess.Popen[str]]]:
    """Another process that resumes a session and keeps it until it is told or killed."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, session_id: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), str(session_id)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "False\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_session_that_another_program_has_is_read_only(
    store: Store, path: Path, other_program: Callable[[Path, int], subprocess.Popen[str]]
) -> None:
    mine = session(store, "hello", "hi", name="Birds")
    process = other_program(path, mine)
    loaded = store.resume(mine)
    assert loaded.read_only
    assert loaded.holder == process.pid
    assert [turn.text for turn in loaded.ledger.path()] == ["hello", "hi"]
    say(loaded.ledger, loaded.recorder, "unheard")
    with pytest.raises(ChatError, match=f"process {process.pid}"):
        store.rename(mine, "X")
    with pytest.raises(ChatError, match=f"process {process.pid}"):
        store.delete(mine)
    fork = store.resume(store.fork(mine))
    assert not fork.read_only
    assert [turn.text for turn in fork.ledger.path()] == ["hello", "hi"]
    process.kill()
    process.wait()
    assert not store.resume(mine).read_only


def test_closing_lets_others_have_the_session(path: Path) -> None:
    with closing(Store.open(path)) as one, closing(Store.open(path)) as two:
        recorder = one.create(META)
        say(Ledger(), recorder, "hello")
        assert recorder.session_id
        assert two.resume(recorder.session_id).read_only
        again = one.resume(recorder.session_id)  # in one program it may be resumed any time
        assert not again.read_only
        again.recorder.close()
        assert not two.resume(recorder.session_id).read_only


# Files that can't be used.


def kept_aside(path: Path) -> list[Path]:
    return sorted(p for p in path.parent.glob("*.damaged-*") if not p.name.endswith(("wal", "shm")))


def test_a_file_that_is_no_database_is_moved_aside(path: Path) -> None:
    path.parent.mkdir()
    for n in (1, 2):
        path.write_bytes(b"not a database, not at all" * 100)
        with closing(Store.open(path)) as store:
            (note,) = store.notes
            assert "damaged" in note
            assert kept_aside(path)[0].name in note or n == 2
            assert store.list() == []
            session(store, "hello")
        assert [p.read_bytes()[:14] for p in kept_aside(path)] == [b"not a database"] * n
    with closing(Store.open(path)) as store:
        assert store.notes == ()
        assert len(store.list()) == 1


def test_a_foreign_database_is_moved_aside(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE theirs(x); INSERT INTO theirs VALUES (42);")
    with closing(Store.open(path)) as store:
        assert "belongs to another program" in store.notes[0]
    with closing(sqlite3.connect(kept_aside(path)[0])) as db:
        assert db.execute("SELECT x FROM theirs").fetchall() == [(42,)]


def test_an_empty_file_is_simply_used(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with closing(Store.open(path)) as store:
        assert store.notes == ()
        session(store, "hello")


def test_a_newer_database_is_left_alone(path: Path) -> None:
    with closing(Store.open(path)) as store:
        session(store, "hello")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(ChatError, match=r"newer version.*99.*--no-save"):
        Store.open(path)
    assert path.read_bytes() == before
    assert kept_aside(path) == []


def test_any_damage_is_opened_moved_aside_or_told_but_never_lost(path: Path) -> None:
    """Every 7th byte of the header, and some further ones, one at a time."""
    with closing(Store.open(path)) as store:
        session(store, *["hello", "hi"] * 60)
    whole = path.read_bytes()
    places = [*range(0, 100, 7), *range(100, len(whole), len(whole) // 40)]
    for place in places:
        for file in path.parent.glob("sessions.db*"):
            file.unlink()
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        path.write_bytes(damaged)
        try:
            with closing(Store.open(path)) as store:
                if store.notes:
                    assert kept_aside(path)[0].read_bytes() == damaged
                else:
                    assert len(store.list("hello")) <= 1
        except ChatError:
            assert path.exists()


def test_a_damaged_file_that_is_open_elsewhere_stays(path: Path) -> None:
    with closing(Store.open(path)) as store:
        session(store, *["hello", "hi"] * 200)
    with closing(Store.open(path)) as other:
        other.list()
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(size // 2)
            file.write(bytes(size - size // 2))
        with pytest.raises(ChatError, match=r"is damaged.*another program has it open"):
            Store.open(path)
        assert kept_aside(path) == []
    with closing(Store.open(path)) as store:
        assert "damaged" in store.notes[0]


def test_damage_inside_is_found(path: Path) -> None:
    with closing(Store.open(path)) as store:
        session(store, *["hello", "hi"] * 200)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    with closing(Store.open(path)) as store:
        assert "damaged" in store.notes[0]


def test_a_folder_that_cannot_be_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "sessions.db").mkdir()
    for path in (tmp_path / "file" / "data" / "sessions.db", tmp_path / "sessions.db"):
        with pytest.raises(ChatError) as caught:
            Store.open(path)
        assert str(path) in caught.value.message
        assert "--no-save" in caught.value.hint


def test_an_older_database_is_brought_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            f"PRAGMA application_id = {schema.APPLICATION_ID}; {schema.MIGRATIONS[0]}"
            "PRAGMA user_version = 1;"
            "INSERT INTO session(id, name, model, fingerprint, template, system, sampling, created,"
            " updated, head) VALUES (5, 'Old', 'm', 'f', 't', 's',"
            """ '{"top_k": 7, "top_p": 99, "min_p": "x", "mirostat": 2}', 1, 2, NULL);"""
            "INSERT INTO turn(id, session, role, created, runs, indexed, text, ids, timings)"
            " VALUES (9, 5, 'assistant', 1,"
            """ '[{"seed": 3, "sampling": {"top_k": 1}, "new": 1}]', 0, 'walrus', x'01000000',"""
            """ '{"prompt_n": 4, "new": 2}');"""
            "UPDATE session SET head = 9;"
        )
    with closing(Store.open(path)) as store:
        assert store.notes == ()
        assert names(store, "walrus") == names(store, "old") == ["Old"]
        loaded = store.resume(5)
        assert loaded.meta.sampling == Sampling(top_k=7)  # what is unknown or wrong is left out
        (turn,) = loaded.ledger.path()
        assert turn.runs == [Run(0, 3, Sampling(top_k=1))]
        assert turn.timings == Timings(4, 0, 0, 0, 0)
        assert turn.ids == [1]
        session(store, "new")
        assert names(store, "new") == [""]


def test_files_are_private(path: Path) -> None:
    with closing(Store.open(path)) as store:
        session(store, "hello")
        files = [p for p in path.parent.rglob("*") if p.is_file()]
        assert {p.name for p in files} >= {"sessions.db", "sessions.db-wal", "1.lock"}
        assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
        folders = [path.parent, path.parent / "locks"]
        assert {stat.S_IMODE(p.stat().st_mode) for p in folders} == {0o700}


def test_the_default_place_is_the_data_folder() -> None:
    with closing(Store.open()):
        assert Path(os.environ["XDG_DATA_HOME"], "llama2ncnn", "sessions.db").exists()


def test_a_full_disk_is_told(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    say(ledger, recorder, "hello")
    assert recorder.session_id
    (pages,) = store._db.rows("PRAGMA page_count")[0]
    store._db.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ChatError, match="can't save the session: database or disk is full"):
        say(ledger, recorder, "x" * 100_000)
    store._db.rows("PRAGMA max_page_count = 1000000")
    say(ledger, recorder, "there is room again")  # and for what had no room as well
    assert described(store.resume(recorder.session_id).ledger) == described(ledger)


def test_no_save_keeps_nothing() -> None:
    recorder, ledger = NullRecorder(), Ledger()
    (turn,) = say(ledger, recorder, "hello")
    assert turn.key is None
    assert recorder.session_id is None
    assert LoadedSession(1, META, ledger, None, recorder).recorder is recorder
