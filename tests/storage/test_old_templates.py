"""Sessions of the version that stored a template's name alone, in its schema, written by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from llama2ncnn_chat.paths import data_dir
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from tests.chatting import do, make_chat, transcript

# Format 3, less the triggers and indexes of the search.
OLD = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, model TEXT NOT NULL,
    fingerprint TEXT NOT NULL, template TEXT NOT NULL, system TEXT NOT NULL,
    sampling TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, deleted_at REAL,
    writer INTEGER, head INTEGER REFERENCES turn(id) ON DELETE SET NULL,
    first_visible INTEGER REFERENCES turn(id) ON DELETE SET NULL,
    tokenizer TEXT NOT NULL DEFAULT ''
);
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL REFERENCES session(id) ON DELETE CASCADE,
    parent INTEGER REFERENCES turn(id), chosen INTEGER REFERENCES turn(id) ON DELETE SET NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')), created REAL NOT NULL, finish TEXT,
    runs TEXT NOT NULL, timings TEXT, indexed INTEGER NOT NULL, text TEXT NOT NULL,
    ids BLOB NOT NULL
);
CREATE VIRTUAL TABLE turn_index USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE name_index USING fts5(name, tokenize = 'unicode61 remove_diacritics 2');
PRAGMA application_id = 0x6C326E63;
PRAGMA user_version = 3;
INSERT INTO session(id, name, model, fingerprint, template, system, sampling, created, updated)
    VALUES (1, 'Old', '/m/tiny', 'f1', 'plain', '', '{"top_k": 7}', 1, 2),
           (2, 'Lost', '/m/tiny', 'f1', 'gone', '', '{}', 1, 1);
INSERT INTO turn(id, session, parent, role, created, finish, runs, indexed, text, ids)
    VALUES (1, 1, NULL, 'user', 1, NULL, '[]', 1, 'Hi', x'010000004b0000006c000000'),
           (2, 1, 1, 'assistant', 1, 'stop', '[]', 1, 'ok', x'720000006e000000'),
           (3, 2, NULL, 'user', 1, NULL, '[]', 1, 'Hi', x'010000004b0000006c000000');
UPDATE session SET head = 2 WHERE id = 1;
UPDATE session SET head = 3 WHERE id = 2;
"""


def old_file() -> Path:
    """Write the person's sessions as the version before has left them."""
    path = data_dir() / "sessions.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD)
    return path


def test_an_old_session_takes_the_built_in_template_of_its_name() -> None:
    with closing(Store.open(old_file())) as store:
        assert store.notes == []
        loaded = store.resume(1)
        assert loaded.meta.template == {"name": "plain"}
        assert (loaded.meta.name, loaded.meta.sampling.top_k) == ("Old", 7)


def test_a_name_that_means_nothing_any_more_loses_nothing() -> None:
    with closing(Store.open(old_file())) as store:
        assert store.resume(2).meta.template == {"name": "gone"}
        assert store.resume(store.fork(2)).meta.template == {"name": "gone"}


def test_contents_that_are_no_json_count_as_none() -> None:
    with closing(Store.open(old_file())) as store:
        for contents in ("{", "[1]", "null", "{}"):
            with store._db.transaction() as db:
                db.execute("UPDATE session SET template_contents = ?", (contents,))
            assert store.resume(1).meta.template == {"name": "plain"}


def test_an_old_session_goes_on_and_says_from_then_on_what_its_template_is() -> None:
    path, plain = old_file(), template_of("plain")
    chat = make_chat(store=Store.open(path))
    chat.resume(1)
    assert chat.settings.template == plain
    assert "other tokens" not in " ".join(chat.pop_notes())
    do(chat, "more")
    assert transcript(chat)[:3] == ["Hi", "ok", "more"]
    chat.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT template FROM session WHERE id = 1").fetchone() == ("plain",)
    with closing(Store.open(path)) as store:
        assert store.resume(1).meta.template == plain.to_dict()
