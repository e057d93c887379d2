"""All sessions of a person, in one SQLite file: lists, resumes, forks, renames, deletes them.

Knows no engine and no template, and neither prints nor asks; the ids and texts come from ledgers.
"""

from __future__ import annotations

import builtins
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..errors import Advice, ChatError
from ..paths import data_dir
from .database import Database, open_database
from .locks import SessionLocks
from .recorder import Clock, SessionRecorder
from .rows import insert_session, insert_turn, ledger_of, meta_of, storable, update_head
from .search import HIT, search_sessions

__all__ = ["HIT", "LoadedSession", "SessionInfo", "SessionMeta", "Store"]

_INFO = """
SELECT id, name, model, tokenizer, stated, updated,
    (SELECT count(*) FROM turn WHERE turn.session = session.id) AS n_turns,
    (SELECT substr(text, 1, 500) FROM turn
     WHERE turn.session = session.id AND role = 'user' ORDER BY id LIMIT 1) AS first_text
FROM session
WHERE deleted_at IS NULL AND EXISTS (SELECT 1 FROM turn WHERE turn.session = session.id)
ORDER BY updated DESC, id DESC
"""


_DELETED = "SELECT id FROM session WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC LIMIT 1"


@dataclass(frozen=True)
class SessionInfo:
    """A row of the list. ``first_text`` is the first message, for those without a name;
    ``snippet`` where a search hit, the words between the two marks of ``HIT``."""

    id: int
    name: str
    model: str
    tokenizer: str
    stated: str
    updated: float
    n_turns: int
    first_text: str
    snippet: str = ""


@dataclass(frozen=True)
class LoadedSession:
    """A session as it was left. When another program has it, ``read_only`` is set, ``holder`` is
    that program's process if known, and ``recorder`` keeps nothing: ``fork`` makes a copy."""

    id: int
    meta: SessionMeta
    ledger: Ledger
    first_visible: Turn | None
    recorder: Recorder
    read_only: bool = False
    holder: int | None = None


class Store:
    """The sessions, until ``close``, which closes the recorders that it handed out, too."""

    def __init__(self, db: Database, locks: Path, notes: tuple[str, ...], clock: Clock) -> None:
        self.notes = notes
        self._db, self._locks, self._clock = db, SessionLocks(locks), clock
        self._recorders: list[SessionRecorder] = []

    @classmethod
    def open(cls, path: Path | None = None, *, clock: Clock = time.monotonic) -> Store:
        """Open the store at ``path``, or where this person's is. Raises ``ChatError``.

        ``clock`` gives seconds, by which a growing reply is flushed.
        """
        path = path or data_dir() / "sessions.db"
        db, notes = open_database(path)
        return cls(db, path.parent / "locks", notes, clock)

    def close(self) -> None:
        """Flush and release all sessions, and close the database."""
        try:
            for recorder in self._recorders:
                recorder.close()
        finally:
            self._db.close()

    def create(self, meta: SessionMeta) -> SessionRecorder:
        """Return a recorder of a new session, which is stored once it has a turn."""
        recorder = SessionRecorder(self._db, meta, self._locks.acquire, self._clock)
        self._recorders.append(recorder)
        return recorder

    def resume(self, session_id: int) -> LoadedSession:
        """Load a session to go on with; a recorder of it that was handed out before is closed.

        Raises ``ChatError`` if there is none.
        """
        self._row(session_id)
        self._release(session_id)
        lock = self._locks.acquire(session_id)
        try:
            row, ledger, turns = self._load(session_id)
            meta = meta_of(row)
            first_visible = turns.get(row["first_visible"])
            if lock is None:
                return LoadedSession(
                    session_id, meta, ledger, first_visible, NullRecorder(), True, row["writer"]
                )
            recorder = self.create(meta)
            recorder.adopt(session_id, lock, first_visible)
        except BaseException:
            if lock:
                lock.release()
            raise
        return LoadedSession(session_id, meta, ledger, first_visible, recorder)

    def list(self, search: str = "", limit: int = 100) -> builtins.list[SessionInfo]:
        """List sessions, newest first; with ``search``, those that have its words."""
        if not search.strip():
            return [_info(row) for row in self._db.rows(f"{_INFO} LIMIT ?", limit)]
        hits = search_sessions(self._db, search)
        rows = self._db.rows(_INFO)
        return [_info(row, hits[row["id"]]) for row in rows if row["id"] in hits][:limit]

    def peek(self, session_id: int) -> builtins.list[Turn]:
        """Return a session's path, to look at only. Raises ``ChatError`` if there is none."""
        return self._load(session_id)[1].path()

    def latest(self) -> SessionInfo | None:
        """Return the session that was changed last, None if there is none."""
        return next(iter(self.list(limit=1)), None)

    def find(self, what: str) -> SessionInfo:
        """Find a session by id, by name, or by what only one name begins with.

        Raises ``ChatError`` for none and for several.
        """
        wanted = what.strip().casefold()
        infos = self.list(limit=-1)
        found = (
            [info for info in infos if str(info.id) == wanted]
            or [info for info in infos if info.name.casefold() == wanted != ""]
            or [info for info in infos if info.name.casefold().startswith(wanted) and wanted]
        )
        if len(found) == 1:
            return found[0]
        if not found:
            raise ChatError(f"no session {what.strip()!r}", Advice.LIST_SESSIONS)
        names = ", ".join(f"{info.id} ({info.name})" for info in found[:10])
        raise ChatError(
            f"{what.strip()!r} may be {len(found)} sessions: {names}", "give its number"
        )

    def rename(self, session_id: int, name: str) -> None:
        """Rename a session. Raises ``ChatError``, also when another program has it."""
        self._update(session_id, "name = ?", storable(name))

    def delete(self, session_id: int) -> None:
        """Hide a session until ``purge_deleted``. Raises ``ChatError`` as ``rename`` does."""
        self._update(session_id, "deleted_at = ?", time.time())

    @property
    def can_undelete(self) -> bool:
        """Whether there is a deleted session that isn't gone for good."""
        return bool(self._db.rows(_DELETED))

    def undelete_last(self) -> int:
        """Bring back the session that was deleted last; returns its number. Raises ``ChatError``
        if there is none."""
        with self._db.transaction() as db:
            row = db.execute(_DELETED).fetchone()
            if row is None:
                raise ChatError("there is no deleted session")
            db.execute("UPDATE session SET deleted_at = NULL WHERE id = ?", (row["id"],))
        return int(row["id"])

    def purge_deleted(self, older_than: float) -> builtins.list[int]:
        """Remove for good what was deleted that many seconds ago; returns the ids.

        Sessions that never got a turn (a kill at the wrong moment) go with them.
        """
        before = time.time() - older_than
        rows = self._db.rows(
            "SELECT id FROM session WHERE deleted_at <= ? OR (updated <= ? AND NOT EXISTS"
            " (SELECT 1 FROM turn WHERE turn.session = session.id))",
            before,
            before,
        )
        return [row["id"] for row in rows if self._purge(row["id"])]

    def fork(self, session_id: int, upto: Turn | None = None) -> int:
        """Copy the path to ``upto``, or to the head, into a new session; returns its id.

        ``upto`` is a turn of that session as it was loaded. Works on read-only ones too.
        """
        for recorder in self._recorders_of(session_id):
            recorder.flush()
        row, ledger, turns = self._load(session_id)
        if upto is not None:
            assert upto.key is not None, "a turn that isn't stored"
            ledger.head = turns[upto.key]
        path = ledger.path()
        if not path:
            raise ChatError("there is nothing to fork yet", "say something first")
        first_visible = turns.get(row["first_visible"])
        name = self._fork_name(row["name"] or " ".join(path[0].text.split())[:40])
        meta = replace(meta_of(row), name=name)
        with self._db.transaction() as db:
            fork = insert_session(db, meta, None)
            for turn in path:  # from the root on, so that a parent has its new key
                turn.key = insert_turn(db, fork, turn)
            update_head(db, fork, path[-1], first_visible if first_visible in path else None)
            db.execute("UPDATE turn SET indexed = 1 WHERE session = ? AND indexed = 0", (fork,))
        return fork

    def _fork_name(self, name: str) -> str:
        base = re.sub(r" \(fork( \d+)?\)$", "", name)
        taken = {row["name"] for row in self._db.rows("SELECT name FROM session")}
        fork, n = f"{base} (fork)", 1
        while fork in taken:
            n += 1
            fork = f"{base} (fork {n})"
        return fork

    def _row(self, session_id: int) -> sqlite3.Row:
        rows = self._db.rows(
            "SELECT * FROM session WHERE id = ? AND deleted_at IS NULL", session_id
        )
        if not rows:
            raise ChatError(f"no session {session_id}", Advice.LIST_SESSIONS)
        return rows[0]

    def _load(self, session_id: int) -> tuple[sqlite3.Row, Ledger, dict[int, Turn]]:
        with self._db.one_view():
            row = self._row(session_id)
            turns = self._db.rows("SELECT * FROM turn WHERE session = ? ORDER BY id", session_id)
        return row, *ledger_of(turns, row["head"])

    def _update(self, session_id: int, change: str, value: Any) -> None:
        row = self._row(session_id)
        with self._held(session_id) as held:
            if not held:
                raise ChatError(
                    f"session {session_id} is open in another program (process {row['writer']})",
                    "close it there first",
                )
            with self._db.transaction() as db:
                db.execute(f"UPDATE session SET {change} WHERE id = ?", (value, session_id))

    def _purge(self, session_id: int) -> bool:
        with self._held(session_id) as held:
            if held:
                with self._db.transaction() as db:
                    db.execute("DELETE FROM turn WHERE session = ?", (session_id,))
                    db.execute("DELETE FROM session WHERE id = ?", (session_id,))
                self._locks.delete(session_id)
        return held

    def _recorders_of(self, session_id: int) -> builtins.list[SessionRecorder]:
        return [r for r in self._recorders if r.session_id == session_id]

    def _release(self, session_id: int) -> None:
        for recorder in self._recorders_of(session_id):
            recorder.close()
            self._recorders.remove(recorder)

    @contextmanager
    def _held(self, session_id: int) -> Iterator[bool]:
        """Hold the session's lock inside; gives whether that could be had."""
        if any(recorder.holds_lock for recorder in self._recorders_of(session_id)):
            yield True
            return
        lock = self._locks.acquire(session_id)
        try:
            yield lock is not None
        finally:
            if lock:
                lock.release()


def _info(row: sqlite3.Row, snippet: str = "") -> SessionInfo:
    return SessionInfo(**dict(row), snippet=snippet)
