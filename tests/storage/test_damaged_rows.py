"""Rows that say what can't be: named, read as far as they go, left as they are, and harmless."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.conversation.recorder import NullRecorder
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.reading import LOST
from llama2ncnn_chat.storage.store import LoadedSession, Store
from tests.storage.stored import META, described, names, session

TEXTS = ["one", "1", "two", "2", "three", "3"]
FROM_10 = [LOST, *TEXTS[3:]]
BAD = 2
"""The session whose rows are damaged: turns 7 to 12."""


@pytest.fixture
def written(path: Path) -> Path:
    """Three sessions of six turns."""
    with closing(Store.open(path)) as store:
        for name in ("good", "bad", "fine"):
            session(store, *TEXTS, name=name)
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            db.execute(statement)
        db.commit()


def stored_rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        turns = db.execute("SELECT * FROM turn WHERE session = 2 ORDER BY id").fetchall()
        return [*turns, *db.execute("SELECT * FROM session WHERE id = 2")]


def texts(loaded: LoadedSession) -> list[str]:
    return [turn.text for turn in loaded.ledger.path()]


@pytest.mark.parametrize(
    ("statement", "named", "read"),
    [
        ("UPDATE turn SET ids = x'010203' WHERE id = 8", "the tokens of turn 8", TEXTS),
        ("UPDATE turn SET ids = x'000000ff' WHERE id = 8", "the tokens of turn 8", TEXTS),
        ("UPDATE turn SET ids = 'text' WHERE id = 8", "the tokens of turn 8", TEXTS),
        (
            "UPDATE turn SET parent = 999 WHERE id = 10",
            "what is before turn 10",
            [LOST, *TEXTS[3:]],
        ),
        ("UPDATE turn SET parent = 12 WHERE id = 9", "what is before turn 9", TEXTS[2:]),
        ("UPDATE turn SET parent = 9 WHERE id = 9", "what is before turn 9", TEXTS[2:]),
        ("UPDATE turn SET parent = 2 WHERE id = 9", "what is before turn 9", TEXTS[2:]),
        ("UPDATE turn SET parent = 'x' WHERE id = 9", "what is before turn 9", TEXTS[2:]),
        ("DELETE FROM turn WHERE id = 9", "what is before turn 10", [LOST, *TEXTS[3:]]),
        ("DELETE FROM turn WHERE id = 12", "the way on from turn 11", TEXTS[:5]),
        ("UPDATE turn SET session = 77 WHERE id = 7", "what is before turn 8", [LOST, *TEXTS[1:]]),
        ("UPDATE turn SET chosen = 7 WHERE id = 9", "the way on from turn 9", TEXTS),
        ("UPDATE turn SET chosen = 9 WHERE id = 9", "the way on from turn 9", TEXTS),
        ("UPDATE turn SET role = 'system' WHERE id = 9", "the role of turn 9", TEXTS),
        (
            "UPDATE turn SET text = x'ff41' WHERE id = 7",
            "the text of turn 7",
            ["\ufffdA", *TEXTS[1:]],
        ),
        (
            "UPDATE turn SET text = CAST(x'ff41' AS TEXT) WHERE id = 7",
            "the text of turn 7",
            ["\ufffdA", *TEXTS[1:]],
        ),
        ("UPDATE turn SET runs = '[{' WHERE id = 8", "the settings of turn 8", TEXTS),
        ("UPDATE turn SET runs = '[7]' WHERE id = 8", "the settings of turn 8", TEXTS),
        ("UPDATE turn SET runs = '[{\"seed\": -1}]' WHERE id = 8", "the settings of turn 8", TEXTS),
        ("UPDATE turn SET runs = '[{\"start\": 9}]' WHERE id = 8", "the settings of turn 8", TEXTS),
        ("UPDATE turn SET runs = '[{\"stops\": 1}]' WHERE id = 8", "the settings of turn 8", TEXTS),
        (
            'UPDATE turn SET runs = \'[{"max_tokens": ""}]\' WHERE id = 8',
            "the settings of turn 8",
            TEXTS,
        ),
        (
            "UPDATE turn SET runs = '[{\"n_told\": -1}]' WHERE id = 8",
            "the settings of turn 8",
            TEXTS,
        ),
        ("UPDATE turn SET timings = '[]' WHERE id = 8", "the timings of turn 8", TEXTS),
        (
            'UPDATE turn SET timings = \'{"prompt_n": "x"}\' WHERE id = 8',
            "the timings of turn 8",
            TEXTS,
        ),
        ("UPDATE session SET head = 999 WHERE id = 2", "the end of the conversation", TEXTS),
        ("UPDATE session SET head = 6 WHERE id = 2", "the end of the conversation", TEXTS),
        ("UPDATE session SET head = x'00' WHERE id = 2", "the end of the conversation", TEXTS),
        ("UPDATE session SET first_visible = 3 WHERE id = 2", "what the model sees", TEXTS),
        ("UPDATE session SET model = x'00ff' WHERE id = 2", "its model", TEXTS),
        ("UPDATE session SET sampling = '{' WHERE id = 2", "its sampling", TEXTS),
        ("UPDATE session SET sampling = '[1]' WHERE id = 2", "its sampling", TEXTS),
        (
            "UPDATE session SET template_contents = '{' WHERE id = 2",
            "what its template says",
            TEXTS,
        ),
        ("UPDATE session SET template = 7.5 WHERE id = 2", "", TEXTS),  # a number becomes a text
    ],
)
def test_what_is_damaged_is_named_and_the_rest_is_read(
    written: Path, statement: str, named: str, read: list[str]
) -> None:
    change(written, statement)
    before = stored_rows(written)
    with closing(Store.open(written)) as store:
        assert store.notes == []
        loaded = store.resume(BAD)
        assert texts(loaded) == read == [turn.text for turn in store.peek(BAD)]
        assert loaded.damage[:1] == ((named,) if named else ())
        assert loaded.read_only is bool(named)
        if named:
            assert isinstance(loaded.recorder, NullRecorder)
            assert stored_rows(written) == before
        fork = store.resume(store.fork(BAD))
        assert (texts(fork), fork.damage, fork.read_only) == (read, (), False)
        for good in (1, 3):
            assert texts(store.resume(good)) == TEXTS


def test_a_setting_that_is_no_number_is_left_out(written: Path) -> None:
    sampling = '{"top_k": 1.5, "temperature": true, "min_p": 1e999, "top_p": 0.5}'
    change(written, f"UPDATE session SET sampling = '{sampling}' WHERE id = 2")
    with closing(Store.open(written)) as store:
        loaded = store.resume(BAD)
        assert (loaded.meta.sampling, loaded.damage) == (Sampling(top_p=0.5), ())


def test_a_damaged_session_can_be_renamed_deleted_and_brought_back(written: Path) -> None:
    change(
        written,
        "UPDATE turn SET parent = 12 WHERE id = 9",
        "UPDATE session SET name = x'ff', updated = 'never' WHERE id = 2",
    )
    with closing(Store.open(written)) as store:
        assert sorted(names(store)) == ["fine", "good", "\ufffd"]
        store.rename(BAD, "named")
        store.delete(BAD)
        assert store.undelete_last() == BAD
        assert store.find("named").updated == 0


def test_what_cannot_be_removed_for_good_keeps_nobody_from_starting(written: Path) -> None:
    """A turn of another session stands below one of the deleted."""
    change(written, "UPDATE turn SET session = 3 WHERE id = 12")
    with closing(Store.open(written)) as store:
        store.delete(BAD)
        store.delete(1)
        assert store.purge_deleted(-1) == [1]


VALUES = [
    *("-1", "0", "7", "9", "12", "9223372036854775807", "1e308", "9e999", "''", "'x'", "x''"),
    *("x'00'", "x'ffffffff'", "x'ffff'", "'[{}]'", "'{\"a\": 1}'", "'[[1]]'", "'null'", "'-1'"),
    *("CAST(x'80' AS TEXT)", "char(0)", "NULL", "'[{\"start\": 1e400}]'", "zeroblob(100000)"),
    *(f"'{'[' * 5000}'", f"'{'9' * 5000}'", '\'[{"sampling": 3, "stops": [1]}]\''),
]
COLUMNS = {
    "turn": [
        *("parent", "chosen", "role", "created", "finish", "runs", "timings", "indexed", "text"),
        *("ids", "session"),
    ],
    "session": [
        *("name", "model", "fingerprint", "template", "system", "sampling", "created", "updated"),
        *("writer", "head", "first_visible", "tokenizer", "template_contents", "stated"),
    ],
}


def test_whatever_stands_in_rows_of_one_session_the_others_open(written: Path) -> None:
    """Any value in any column, one or several at a time."""
    whole = written.read_bytes()
    with closing(Store.open(written)) as store:
        good = [described(store.resume(n).ledger) for n in (1, 3)]
    for seed in range(200):
        chance = random.Random(seed)
        for file in written.parent.glob("sessions.db*"):
            file.unlink()
        written.write_bytes(whole)
        for _ in range(chance.choice([1, 1, 3])):
            table = chance.choice(["turn", "turn", "session"])
            place = f"id = {chance.randint(7, 12)}" if table == "turn" else "id = 2"
            column, value = chance.choice(COLUMNS[table]), chance.choice(VALUES)
            with suppress(sqlite3.IntegrityError):  # it must not be null
                change(written, f"UPDATE {table} SET {column} = {value} WHERE {place}")
        with closing(Store.open(written)) as store:
            handle(store, chance)
            assert [described(store.resume(n).ledger) for n in (1, 3)] == good, seed


def handle(store: Store, chance: random.Random) -> None:
    """All that may be done to the damaged session: each succeeds, or is refused with a word."""
    trials: list[Callable[[], object]] = [
        lambda: store.list("one"),
        lambda: store.list("on"),
        lambda: store.peek(BAD),
        lambda: store.find("bad"),
        lambda: go_on(store.resume(BAD)),
        lambda: go_on(store.resume(store.fork(BAD))),
        lambda: store.rename(BAD, "another"),
        lambda: store.delete(BAD),
        lambda: store.purge_deleted(-1),
    ]
    for trial in trials:
        with suppress(ChatError):
            trial()
    assert len(store.list()) >= 2
    new = store.create(META)
    new.turn_added(Ledger().add(Turn("user", "hello", [1])))
    new.close()


def go_on(loaded: LoadedSession) -> None:
    loaded.recorder.turn_added(loaded.ledger.add(Turn("user", "more", [1])))
    loaded.ledger.undo(99)
    loaded.ledger.redo(99)
    loaded.recorder.head_moved(loaded.ledger.head, None)
    loaded.recorder.close()
