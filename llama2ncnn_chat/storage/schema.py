"""The tables of the sessions' file, version by version, and what is mended of them as it is opened.

Knows SQL alone; neither files nor what the rows say. Indexes and triggers hold nothing of a
person's: what is missing of them is made, and what isn't ours goes, for it may do anything.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache

APPLICATION_ID = 0x6C326E63  # "l2nc"

_V1 = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: locks and snapshots go by it
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    template TEXT NOT NULL,
    system TEXT NOT NULL,
    sampling TEXT NOT NULL,                -- JSON
    created REAL NOT NULL,
    updated REAL NOT NULL,
    deleted_at REAL,
    writer INTEGER,                        -- the process that has, or last had, the lock
    head INTEGER REFERENCES turn(id) ON DELETE SET NULL,
    first_visible INTEGER REFERENCES turn(id) ON DELETE SET NULL
);
-- No cascade from parent to child: SQLite gives up on one that is 1000 turns deep.
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- siblings are in this order
    session INTEGER NOT NULL REFERENCES session(id) ON DELETE CASCADE,
    parent INTEGER REFERENCES turn(id),
    chosen INTEGER REFERENCES turn(id) ON DELETE SET NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    created REAL NOT NULL,
    finish TEXT,
    runs TEXT NOT NULL,                    -- JSON
    timings TEXT,                          -- JSON
    indexed INTEGER NOT NULL,              -- 0: the text has grown since it was made searchable
    text TEXT NOT NULL,
    ids BLOB NOT NULL                      -- int32, little-endian
);
CREATE INDEX turn_of_session ON turn(session);
CREATE INDEX turn_of_parent ON turn(parent);
CREATE INDEX turn_of_chosen ON turn(chosen);
CREATE INDEX turn_not_indexed ON turn(id) WHERE indexed = 0;
CREATE INDEX session_of_head ON session(head);
CREATE INDEX session_of_first_visible ON session(first_visible);
"""

# Search. The index of a turn is renewed whenever `indexed` is set, so growing needn't touch it.
_V2 = """
CREATE VIRTUAL TABLE turn_index USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE name_index USING fts5(name, tokenize = 'unicode61 remove_diacritics 2');
CREATE TRIGGER turn_inserted AFTER INSERT ON turn WHEN new.indexed BEGIN
    INSERT INTO turn_index(rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER turn_updated AFTER UPDATE OF indexed ON turn WHEN new.indexed BEGIN
    DELETE FROM turn_index WHERE rowid = new.id;
    INSERT INTO turn_index(rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER turn_deleted AFTER DELETE ON turn BEGIN
    DELETE FROM turn_index WHERE rowid = old.id;
END;
CREATE TRIGGER session_inserted AFTER INSERT ON session BEGIN
    INSERT INTO name_index(rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER session_renamed AFTER UPDATE OF name ON session BEGIN
    DELETE FROM name_index WHERE rowid = new.id;
    INSERT INTO name_index(rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER session_deleted AFTER DELETE ON session BEGIN
    DELETE FROM name_index WHERE rowid = old.id;
END;
UPDATE turn SET indexed = 1;
UPDATE session SET name = name;
"""

_V3 = "ALTER TABLE session ADD COLUMN tokenizer TEXT NOT NULL DEFAULT '';"

# What the template says, as JSON: the name alone may come to mean something else, or nothing.
_V4 = "ALTER TABLE session ADD COLUMN template_contents TEXT NOT NULL DEFAULT '';"

_V5 = "ALTER TABLE session ADD COLUMN stated TEXT NOT NULL DEFAULT '';"

# 1: begun for one answer on the command line, see ``listing``.
_V6 = "ALTER TABLE session ADD COLUMN one_shot INTEGER NOT NULL DEFAULT 0;"

MIGRATIONS = (_V1, _V2, _V3, _V4, _V5, _V6)
"""Scripts that make version n + 1 out of version n. Add to them; never change one."""

MAIN_TABLES = ("session", "turn")
"""What a person would miss; all the rest is made of these."""

_NEWEST = 1000  # versions beyond are no version of this program's

_OF_A_ROW = ("constraint failed", "NULL value", "NUMERIC value", "TEXT value", "BLOB value")
"""What the check says of values where no such ones belong: reading a session names them."""

_SEARCH = ("turn_index", "name_index")

_DROPPED = "".join(f"DROP TABLE IF EXISTS {name};\n" for name in _SEARCH)

# A table of the search that can't even be opened can't be dropped; those that it is made of can.
_FORGOTTEN = f"""
PRAGMA writable_schema = ON;
DELETE FROM sqlite_master WHERE type = 'table' AND name IN {_SEARCH};
PRAGMA writable_schema = RESET;
""" + "".join(
    f"DROP TABLE IF EXISTS {name}_{part};\n"
    for name in _SEARCH
    for part in ("data", "idx", "content", "docsize", "config")
)

_INDEXES_ANEW = """
BEGIN IMMEDIATE;
{gone}
{tables}
INSERT INTO turn_index(rowid, text) SELECT id, text FROM turn;
INSERT INTO name_index(rowid, name) SELECT id, name FROM session;
REINDEX;
COMMIT;
"""


def identity(connection: sqlite3.Connection) -> tuple[int, int, set[str]]:
    """Return the application's id, the version and the names of what is in the file."""
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return application_id, version, names


def problem_of(connection: sqlite3.Connection) -> str | None:
    """Say why the file can't be used as it is, or None. Raises ``sqlite3.Error``."""
    application_id, version, names = identity(connection)
    if not names:
        return "is damaged (it is empty)" if application_id == APPLICATION_ID else None
    if application_id != APPLICATION_ID and not set(MAIN_TABLES) <= names:
        return "belongs to another program"
    if application_id != APPLICATION_ID or not 0 < version <= _NEWEST:
        return "is damaged (its header)"
    if missing := sorted(set(MAIN_TABLES) - names):
        return f"is damaged (no table {', '.join(missing)})"
    if version <= len(MIGRATIONS):
        with closing(_fresh(version)) as fresh:
            for table in MAIN_TABLES:
                if _sql_of(connection, table) != _sql_of(fresh, table):
                    return f"is damaged (its table {table})"
    for (found,) in connection.execute("PRAGMA quick_check"):
        if found != "ok" and not any(kind in found for kind in _OF_A_ROW):
            return f"is damaged ({found.strip().splitlines()[-1]})"
    return None


def is_newer(connection: sqlite3.Connection) -> bool:
    """Tell whether a newer version of this program has written the file."""
    application_id, version, _ = identity(connection)
    return application_id == APPLICATION_ID and len(MIGRATIONS) < version <= _NEWEST


def columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, int]]:
    """List name, type and place in the primary key of a table's columns."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return [(row[1], row[2], row[5]) for row in rows]


def bring_up_to_date(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Mend what is derived, and migrate to the newest version; returns what was done away with.

    Raises ``sqlite3.Error``; what had begun is rolled back as the connection is closed.
    """
    _, version, _ = identity(connection)
    foreign, changed = _mend(connection, version)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )
    if changed:
        make_indexes_anew(connection)
    # Replies that were growing when their program was killed.
    connection.execute("UPDATE turn SET indexed = 1 WHERE indexed = 0")
    return foreign


def make_indexes_anew(connection: sqlite3.Connection) -> None:
    """Make all that is derived of the turns and the names again. Raises ``sqlite3.Error``."""
    made = _derived(len(MIGRATIONS))
    tables = "\n".join(f"{made[name][1]};" for name in _SEARCH)
    try:
        _run_alone(connection, _INDEXES_ANEW.format(gone=_DROPPED, tables=tables))
    except sqlite3.DatabaseError as error:
        if is_of_the_world(error):
            raise
        _run_alone(connection, _INDEXES_ANEW.format(gone=_FORGOTTEN, tables=tables))


def _run_alone(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(script)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_of_the_world(error: Exception) -> bool:
    """Tell whether it is trouble with the world, and the file may be as good as it was."""
    words = ("locked", "full", "readonly", "disk I/O", "unable to open", "memory")
    return any(word in str(error) for word in words)


def _mend(connection: sqlite3.Connection, version: int) -> tuple[tuple[str, ...], bool]:
    """Drop what isn't ours and make what is missing; returns the former, and whether any was."""
    expected, found = _derived(version), _derived_of(connection)
    foreign = {name: made for name, made in found.items() if expected.get(name) != made}
    missing = [name for name, made in expected.items() if found.get(name) != made]
    for name, (kind, _) in foreign.items():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP {kind} "{quoted}"')
    for name in missing:
        connection.execute(expected[name][1])
    return tuple(f"{kind} {name}" for name, (kind, _) in foreign.items()), bool(foreign or missing)


def _derived_of(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Return kind and SQL of all triggers, indexes of ours and search tables, by name."""
    rows = connection.execute(
        "SELECT name, type, sql FROM sqlite_master WHERE name IN ('turn_index', 'name_index')"
        " OR type = 'trigger'"
        " OR type = 'index' AND sql IS NOT NULL AND tbl_name IN ('session', 'turn')"
    )
    return {row[0]: (row[1], row[2]) for row in rows}


@cache
def _derived(version: int) -> dict[str, tuple[str, str]]:
    with closing(_fresh(version)) as db:
        return _derived_of(db)


def _sql_of(connection: sqlite3.Connection, table: str) -> str:
    """Return what a table was made with, less comments and spaces."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    made = connection.execute(query, (table,)).fetchone()
    return re.sub(r"--.*|\s+", "", str(made[0])) if made else ""


def _fresh(version: int) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    for script in MIGRATIONS[:version]:
        db.executescript(script)
    return db
