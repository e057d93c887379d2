"""Opens the sessions' SQLite file: checks it, brings it up to date, moves a bad one aside.

Knows tables and files, but neither turns nor ledgers. A file is never deleted.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import Advice, ChatError
from ..paths import make_private

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

MIGRATIONS = (_V1, _V2, _V3, _V4, _V5)
"""Scripts that make version n + 1 out of version n. Add to them; never change one."""


class Database:
    """The one connection of the process: any thread may use it, one at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Write all of what happens inside, or nothing.

        What is written survives the death of the process; if ``durable``, a power cut too. Raises
        ``ChatError``.
        """
        with self._lock, as_chat_error("save the session"):
            # In WAL mode NORMAL leaves a committed write in the system's hands, which a kill -9
            # can't take back; FULL waits for the disk. It can't be changed inside a transaction.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """Return the rows that a query finds. Raises ``ChatError``."""
        with self._lock, as_chat_error("read the sessions"):
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """Let reads inside see one moment of the database, whatever other programs write."""
        with self._lock, as_chat_error("read the sessions"):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection; nothing can be read or written afterwards."""
        with self._lock:
            self._connection.close()


@contextmanager
def as_chat_error(doing: str) -> Iterator[None]:
    """Raise ``ChatError`` for what can't be helped here: a full disk, a held lock, damage.

    ``doing`` says what failed. Wrong SQL is ours and goes through as it is.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.DatabaseError as error:
        raise ChatError(f"can't {doing}: {error}", Advice.CHAT_UNSAVED) from error


def open_database(path: Path) -> tuple[Database, tuple[str, ...]]:
    """Open the database, created or brought up to date; returns notes on what was found, too.

    Raises ``ChatError``.
    """
    try:
        make_private(path.parent)
        # Two programs that start together must not both move the file aside or migrate it.
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=60, mode=0o600):
            return _open_alone(path)
    except Timeout:
        raise ChatError(f"another program keeps {path} to itself", Advice.CHAT_UNSAVED) from None
    except (OSError, sqlite3.DatabaseError) as error:
        raise ChatError(
            f"can't open the sessions in {path}: {error}", Advice.CHAT_UNSAVED
        ) from error


def _open_alone(path: Path) -> tuple[Database, tuple[str, ...]]:
    notes = []
    if path.exists() and (problem := _problem(path)):
        if _in_use(path):
            raise ChatError(
                f"{path} {problem}, and another program has it open: close that first",
                Advice.CHAT_UNSAVED,
            )
        aside = _move_aside(path)
        notes.append(f"{path} {problem}: kept as {aside.name}, and new sessions start empty")
    # SQLite would make it readable for all; its -wal and -shm follow the mode of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return Database(connection), tuple(notes)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda data: data.decode(errors="replace")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _problem(path: Path) -> str | None:
    """Say why the file can't be ours, or None. Raises ``ChatError`` for one of a newer version.

    ``sqlite3.OperationalError`` (locked, no rights, no space) is trouble with the world, not with
    the file, and goes through.
    """
    try:
        with closing(_connect(path)) as connection:
            application_id, version, tables = _identity(connection)
            if application_id != APPLICATION_ID:
                return "belongs to another program" if tables else None
            if version > len(MIGRATIONS):
                raise ChatError(
                    f"{path} was written by a newer version of this program (its format is "
                    f"{version}, this version knows {len(MIGRATIONS)}): update it",
                    Advice.CHAT_UNSAVED,
                )
            if not {"session", "turn"} <= tables:
                return "is damaged (tables are missing)"
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            return None if found == "ok" else f"is damaged ({found.strip().splitlines()[-1]})"
    except sqlite3.OperationalError as error:
        if "unsupported file format" in str(error):
            return f"is damaged ({error})"
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # of an error's own text
        return f"is damaged ({error})"


def _in_use(path: Path) -> bool:
    """Tell whether anyone else has the file open.

    They would go on writing to what was moved aside, and end by removing the new file's -wal,
    which has the name of theirs.
    """
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return "locked" in str(error)
    return False


def _identity(connection: sqlite3.Connection) -> tuple[int, int, set[str]]:
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return application_id, version, tables


def _move_aside(path: Path) -> Path:
    """Rename the file with its -wal and -shm, which belong to it, to a name that is free."""
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    n, aside = 1, path.with_name(stem)
    while aside.exists():
        n += 1
        aside = path.with_name(f"{stem}-{n}")
    # The main file last: dying in between must not leave a stranger's -wal beside a new file.
    for suffix in ("-shm", "-wal", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _migrate(connection: sqlite3.Connection) -> None:
    _, version, _ = _identity(connection)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(  # one that fails is rolled back as the connection is closed
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )
    # Replies that were growing when their program was killed.
    connection.execute("UPDATE turn SET indexed = 1 WHERE indexed = 0")
