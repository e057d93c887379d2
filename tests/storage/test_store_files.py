"""Damaged, foreign, newer and older databases, and disks that are full."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat import phrases
from llama2ncnn_chat.conversation.ledger import Ledger, Run
from llama2ncnn_chat.conversation.recorder import NullRecorder
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import Timings
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage import schema
from llama2ncnn_chat.storage.store import LoadedSession, Store
from tests.storage.stored import META, described, names, say, session


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
        assert store.notes == []
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
        assert store.notes == []
        session(store, "hello")


def test_a_newer_database_is_left_alone(path: Path) -> None:
    with closing(Store.open(path)) as store:
        session(store, "hello")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(ChatError, match=r"newer version.*99") as refused:
        Store.open(path)
    assert "--no-save" in phrases.hint(refused.value)
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
        assert "--no-save" in phrases.hint(caught.value)


def test_a_lock_that_cannot_be_is_told_in_words(path: Path) -> None:
    with closing(Store.open(path)) as store:
        (path.parent / "locks").write_text("in the way")
        with pytest.raises(ChatError) as caught:
            say(Ledger(), store.create(META), "hello")
        assert str(path.parent / "locks") in caught.value.message
        assert "Errno" not in caught.value.message


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
        assert store.notes == []
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


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
@pytest.mark.parametrize("mode", [0o644, 0o444, 0o000])
def test_files_that_were_not_private_become_so_and_none_blocks(path: Path, mode: int) -> None:
    with closing(Store.open(path)) as store:
        session(store, "hello")
        for suffix in ("-wal", "-shm"):  # as a kill leaves them
            (path.parent / suffix).write_bytes(Path(f"{path}{suffix}").read_bytes())
    for suffix in ("-wal", "-shm"):
        (path.parent / suffix).rename(f"{path}{suffix}")
    files = [p for p in path.parent.rglob("*") if p.is_file()]
    for file in files:
        file.chmod(mode)
    with closing(Store.open(path)) as store:
        recorder = store.resume(1).recorder
        say(Ledger(), recorder, "more")
        assert {stat.S_IMODE(p.stat().st_mode) for p in files if p.exists()} == {0o600}


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
