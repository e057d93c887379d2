"""A file with broken pages or tables that aren't ours: what can be read of it is there again."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from llama2ncnn_chat.conversation.ledger import Ledger
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.storage.salvage import RECOVERED
from llama2ncnn_chat.storage.schema import make_indexes_anew
from llama2ncnn_chat.storage.store import Store
from tests.storage.stored import META, described, names, say, session
from tests.storage.test_store_files import kept_aside

N_SESSIONS = 5
PAGE = 4096


@pytest.fixture
def written(path: Path) -> Path:
    """Some sessions of several pages each."""
    with closing(Store.open(path)) as store:
        for n in range(N_SESSIONS):
            session(store, *(f"{n} walrus {i} " + "word " * 100 for i in range(12)), name=f"s{n}")
    return path


def run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


def write_at(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def whole_sessions(path: Path) -> list[object]:
    """What each session is, in the store as it stands, to compare with another time."""
    with closing(Store.open(path)) as store:
        return [described(store.resume(n).ledger) for n in range(1, N_SESSIONS + 1)]


@pytest.mark.parametrize(
    "script",
    [
        "DROP INDEX turn_of_session; DROP INDEX turn_not_indexed;",
        "DROP TRIGGER turn_inserted; DROP TRIGGER session_renamed;",
        "DROP TABLE turn_index;",
        "DROP TABLE name_index; DROP TABLE turn_index; DROP TRIGGER turn_updated;",
        "UPDATE turn_index_data SET block = zeroblob(9);",
        "DELETE FROM turn_index_content;",
    ],
)
def test_what_is_made_of_the_turns_is_made_again(written: Path, script: str) -> None:
    before = whole_sessions(written)
    run(written, script)
    with closing(Store.open(written)) as store:
        say(Ledger(), store.create(META), "a word about otters", "yes")
        assert names(store, "otters") == ["Birds"]
        assert store.notes == []
    assert whole_sessions(written) == before


def test_words_are_found_again_once_the_index_was_found_damaged(written: Path) -> None:
    run(written, "UPDATE turn_index_data SET block = zeroblob(9);")
    with closing(Store.open(written)) as store:
        assert len(names(store, "walrus")) == N_SESSIONS


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE turn_index_config SET v = 0;",
        "DELETE FROM turn_index_data;",
    ],
)
def test_search_tables_that_cannot_even_be_opened_are_made_again(
    written: Path, script: str
) -> None:
    run(written, script)
    with closing(sqlite3.connect(written)) as db:
        with pytest.raises(sqlite3.DatabaseError):
            db.execute("DROP TABLE turn_index")
        make_indexes_anew(db)
        found = db.execute("SELECT count(*) FROM turn_index WHERE turn_index MATCH 'walrus'")
        assert found.fetchone() == (12 * N_SESSIONS,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(Store.open(written)) as store:
        assert store.notes == []


@pytest.mark.parametrize(
    ("script", "gone"),
    [
        (
            "CREATE TRIGGER theirs BEFORE INSERT ON turn BEGIN SELECT RAISE(ABORT, 'no'); END;",
            "trigger theirs",
        ),
        (
            'CREATE TRIGGER "a "" b" AFTER UPDATE ON turn BEGIN DELETE FROM turn; END;',
            'trigger a " b',
        ),
        ("CREATE UNIQUE INDEX theirs ON turn(role, text);", "index theirs"),
        (
            "DROP TRIGGER turn_updated; CREATE TRIGGER turn_updated AFTER UPDATE ON turn BEGIN"
            " SELECT RAISE(ABORT, 'no'); END;",
            "trigger turn_updated",
        ),
    ],
)
def test_what_is_not_ours_goes_with_a_word(written: Path, script: str, gone: str) -> None:
    before = whole_sessions(written)
    run(written, script)
    with closing(Store.open(written)) as store:
        (note,) = store.notes
        assert note == f"{written}: removed what was not this program's ({gone})"
        session(store, "hello", "hi", "hello", "hi")
        assert names(store, "hello") == [""]
    with closing(Store.open(written)) as store:
        assert store.notes == []
    assert whole_sessions(written) == before


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("ALTER TABLE turn DROP COLUMN created;", "its table turn"),
        ("ALTER TABLE session DROP COLUMN stated;", "its table session"),
        ("ALTER TABLE turn ADD COLUMN theirs NOT NULL DEFAULT 0;", "its table turn"),
        ("PRAGMA application_id = 7;", "its header"),
        ("PRAGMA user_version = 0;", "its header"),
        ("PRAGMA user_version = 4;", "its table session"),
        ("PRAGMA user_version = 1048581;", "its header"),
        ("DELETE FROM turn_index_data WHERE id > 1;", "turn_index"),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_master"
            " SET sql = replace(sql, 'user', 'usor') WHERE name = 'turn';",
            "its table turn",
        ),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_master"
            " SET sql = replace(sql, 'session INTEGER', 'sessiom INTEGER') WHERE name = 'turn';",
            "malformed",
        ),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'no' WHERE name = 'turn';",
            "malformed",
        ),
    ],
)
def test_tables_that_are_not_as_they_were_are_filled_anew(
    written: Path, script: str, named: str
) -> None:
    before = whole_sessions(written)
    run(written, script)
    with closing(Store.open(written)) as store:
        (note,) = store.notes
        assert named in note
        assert f"and {N_SESSIONS} sessions could be read" in note
        assert kept_aside(written)[0].name in note
        assert len(names(store, "walrus")) == N_SESSIONS
        session(store, "hello", "hi")
    with closing(Store.open(written)) as store:
        assert store.notes == []
    assert whole_sessions(written) == before


def test_sessions_whose_own_row_is_lost_come_back_from_their_turns(written: Path) -> None:
    run(written, "DROP TABLE session;")
    with closing(Store.open(written)) as store:
        assert names(store) == [RECOVERED] * N_SESSIONS
        loaded = store.resume(1)
        assert [turn.text[:10] for turn in loaded.ledger.path()][:2] == ["0 walrus 0", "0 walrus 1"]


@pytest.mark.parametrize("place", [0, 16, 18, 44, 56, 100, 105])
def test_a_broken_first_page_loses_nothing(written: Path, place: int) -> None:
    before = whole_sessions(written)
    write_at(written, place, b"\xff" * 4)
    with closing(Store.open(written)) as store:
        assert [note for note in store.notes if f"{N_SESSIONS} sessions could be read" in note]
    assert whole_sessions(written) == before


def test_broken_pages_cost_what_stood_on_them(written: Path) -> None:
    """Every page but the first, one at a time: all that isn't on it is there afterwards."""
    whole = written.read_bytes()
    for page in range(1, len(whole) // PAGE):
        for file in written.parent.glob("sessions.db*"):
            file.unlink()
        written.write_bytes(whole)
        write_at(written, page * PAGE, b"\xff" * PAGE)
        with closing(Store.open(written)) as store:
            there = [len(store.peek(info.id)) for info in store.list()]
            # A page has a few turns, or all that only lead to others.
            assert len(there) == N_SESSIONS or page in (1, 3), page
            if page not in (1, 3):
                assert sum(there) >= 12 * (N_SESSIONS - 1), page
        with closing(Store.open(written)) as store:
            assert store.notes == []


def test_any_flipped_bits_leave_the_other_sessions(written: Path) -> None:
    whole = written.read_bytes()
    for seed in range(200):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 4])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        for file in written.parent.glob("sessions.db*"):
            file.unlink()
        written.write_bytes(data)
        with closing(Store.open(written)) as store:
            assert opened(store) >= N_SESSIONS - 1, seed


def opened(store: Store) -> int:
    """Go through all sessions and count those that can be read in whole."""
    with suppress(ChatError):
        store.list("walrus")
    n = 0
    for info in store.list():
        with suppress(ChatError):
            loaded = store.resume(info.id)
            n += len(loaded.ledger.path()) == 12
            loaded.recorder.close()
            store.fork(info.id)
    say(Ledger(), store.create(META), "hello")
    return n
