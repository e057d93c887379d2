"""Copies what can be read of a damaged sessions' file into a new one, row by row.

Knows tables and broken pages, but not what the rows say: that is checked as a session is read.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from .schema import MAIN_TABLES, columns

RECOVERED = "recovered"
"""The name of a session of which only turns are left."""

_COUNT = """
SELECT (SELECT count(*) FROM turn WHERE role IN ('user', 'assistant') AND typeof(ids) = 'blob'
        AND session > 0), (SELECT count(*) FROM session)
"""

_SQL = "SELECT sql FROM sqlite_master WHERE name = ?"

_SINGLE = 200  # more rows than a page has
_LOWEST, _HIGHEST = -(1 << 63), 1 << 40  # of ids; more than anyone has

_UNREADABLE = (sqlite3.Error, ValueError, OverflowError)  # errors have texts, too

Rows = Generator[tuple[Any, ...], None, None]
Walk = Generator[tuple[Any, ...], None, tuple[int, bool]]

_INSTEAD = {"TEXT": "", "BLOB": b"", "REAL": 0.0, "INTEGER": 0}
"""What stands in a column that mustn't be empty, where nothing could be read."""

_LOST_SESSIONS = f"""
INSERT INTO session(id, name, model, fingerprint, template, system, sampling, created, updated,
                    head)
SELECT session, '{RECOVERED}', '', '', '', '', '{{}}', min(created), max(created), max(id) FROM turn
WHERE session NOT IN (SELECT id FROM session) AND typeof(session) = 'integer' GROUP BY session
"""


def salvage(damaged: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Copy all rows that can be read into a new database of ours; returns how many sessions.

    That is none, and nothing is copied, where no turn looks like one. Raises ``sqlite3.Error``
    where the new one can't be written.
    """
    for setting in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
        new.execute(f"PRAGMA {setting}")  # what is wrong with a row, reading it will tell
    damaged.text_factory = _text_or_bytes
    with suppress(*_UNREADABLE):
        damaged.execute("PRAGMA writable_schema = ON")  # takes what can be parsed of it
    new.execute("BEGIN")
    for table in MAIN_TABLES:
        _copy(damaged, new, table)
    new.execute(_LOST_SESSIONS)
    n_turns, n_sessions = new.execute(_COUNT).fetchone()
    new.execute("COMMIT" if n_turns else "ROLLBACK")
    return int(n_sessions) if n_turns else 0


def lend_first_page(new: sqlite3.Connection, damaged: Path) -> None:
    """Write, over the first page of a damaged database, that of one that has our tables alone.

    It says where they begin, and that is the same in every file of ours: they are the first to be
    made. Raises ``OSError`` and ``sqlite3.Error``.
    """
    lender = damaged.with_name("lender")
    with closing(sqlite3.connect(lender)) as db:
        for table in MAIN_TABLES:
            db.execute(new.execute(_SQL, (table,)).fetchone()[0])
    whole = lender.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    page = bytearray(whole[:size])
    n_pages = damaged.stat().st_size // size
    page[24:40] = struct.pack(">IIII", 1, n_pages, 0, 0)  # changes, pages, none of them free
    page[92:96] = struct.pack(">I", 1)  # of which change the number of pages is
    with damaged.open("r+b") as file:
        file.write(page)


def _copy(damaged: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    found: list[str] = []
    with suppress(*_UNREADABLE):
        found = [name for name, _, _ in columns(damaged, table)]
    info = new.execute(f"PRAGMA table_info({table})").fetchall()
    needed = {name: _INSTEAD[kind] for _, name, kind, not_null, *_ in info if not_null}
    names = [row[1] for row in info if row[1] in found]
    if "id" not in names:
        return
    lost = [name for name in needed if name not in names]
    marks = ", ".join("?" * len([*names, *lost]))
    into = f"INSERT OR IGNORE INTO {table}({', '.join([*names, *lost])}) VALUES ({marks})"
    for row in _rows(damaged, table, f"SELECT id, {', '.join(names)} FROM {table}"):
        values = zip([*names, *lost], [*row[1:], *(None for _ in lost)], strict=True)
        new.execute(into, [needed.get(n) if value is None else value for n, value in values])


def _rows(db: sqlite3.Connection, table: str, select: str) -> Rows:
    """Read from the first row on, from the last one back, and what is between from all that opens.

    What is broken is stepped over by single ids and then, if it is longer than a page of rows can
    be, by ever more of them. A row may come twice.
    """
    first, is_all = yield from _walk(db, select, _LOWEST, _HIGHEST)
    if is_all:
        return
    last, _ = yield from _walk(db, select, _HIGHEST, first)
    if last == _HIGHEST:
        with suppress(*_UNREADABLE):
            for (newest,) in db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)):
                last = int(newest) + 1
    reached = at = max(first, 0)
    while at < last:
        on, is_all = yield from _walk(db, select, at, last)
        if is_all or on > at:
            yield from _walk(db, select, at + 1, reached)
            reached = at = on
        if is_all:
            return
        at += 1 + (at - reached) // _SINGLE


def _walk(db: sqlite3.Connection, select: str, at: int, end: int) -> Walk:
    """Read the rows between two ids one way, until one doesn't open; returns the last one's id.

    And whether these were all. One at a time: a row isn't given out if the one after it is broken.
    """
    up = at < end
    between, order = ("id > ? AND id < ?", "ASC") if up else ("id < ? AND id > ?", "DESC")
    sql = f"{select} WHERE {between} ORDER BY id {order} LIMIT 1"
    with suppress(*_UNREADABLE):
        while row := db.execute(sql, (at, end)).fetchone():
            if (row[0] > at) != up:  # in a broken order
                break
            yield row
            at = row[0]
        else:
            return at, True
    return at, False


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
