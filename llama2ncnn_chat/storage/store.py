"""All sessions of a person, in one SQLite file: lists, resumes, forks, renames, deletes them.

Knows no engine and no template, and neither prints nor asks; the ids and texts come from ledgers.
"""

from __future__ import annotations

import builtins
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..errors import Advice, ChatError
from ..paths import data_dir
from .database import Database, is_damage
from .listing import SessionInfo, find_session, fork_name, list_sessions
from .locks import SessionLocks
from .opening import open_again, open_database
from .reading import StoredSession, read_session
from .recorder import Clock, SessionRecorder
from .rows import delete_session, insert_session, insert_turn, storable, update_head
from .search import HIT

__all__ = ["HIT", "LoadedSession", "SessionInfo", "SessionMeta", "Store"]

_SESSION = """
SELECT id, name, model, fingerprint, template, template_contents, system, sampling, tokenizer,
    stated, writer, head, first_visible
FROM session WHERE id = ? AND deleted_at IS NULL
"""

_TURNS = """
SELECT id, parent, chosen, role, text, ids, finish, runs, timings FROM turn
WHERE session = ? ORDER BY id
"""

_DELETED = "SELECT id FROM session WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC LIMIT 1"


@dataclass(frozen=True)
class LoadedSession:
    """A session as it was left. When another program has it, ``read_only`` is set, ``holder`` is
    that program's process if known, and ``recorder`` keeps nothing: ``fork`` makes a copy. So it is
    with one that is damaged: ``damage`` names what of it couldn't be read."""

    id: int
    meta: SessionMeta
    ledger: Ledger
    first_visible: Turn | None
    recorder: Recorder
    read_only: bool = False
    holder: int | None = None
    damage: tuple[str, ...] = ()


class Store:
    """The sessions, until ``close``, which closes the recorders that it handed out, too."""

    def __init__(self, db: Database, locks: Path, notes: tuple[str, ...], clock: Clock) -> None:
        self.notes = [*notes]
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

    def look_again(self) -> None:
        """Where the file was removed, make it anew, and write what is open into it, with a note.

        Raises ``ChatError`` if it can't be made.
        """
        with self._db.lock:
            if not self._db.is_gone():
                return
            self.notes += open_again(self._db)
            for recorder in self._recorders:
                recorder.insert_all()
            ids = [str(recorder.session_id) for recorder in self._recorders if recorder.session_id]
            saved = f"this session is saved anew, as {ids[-1]}" if ids else "it is begun anew"
            self.notes.append(
                f"{self._db.path} was removed, or replaced, while it was open: {saved}"
            )

    def create(self, meta: SessionMeta) -> SessionRecorder:
        """Return a recorder of a new session, which is stored once it has a turn."""
        recorder = SessionRecorder(
            self._db, meta, self._locks.acquire, self.look_again, self._clock
        )
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
            stored = self._load(session_id)
            parts = (session_id, stored.meta, stored.ledger, stored.first_visible)
            if lock is None:
                return LoadedSession(*parts, NullRecorder(), True, stored.writer, stored.damage)
            if stored.damage:  # as it is, more can be read of it later than if it is written to
                lock.release()
                return LoadedSession(*parts, NullRecorder(), True, damage=stored.damage)
            recorder = self.create(stored.meta)
            recorder.adopt(session_id, lock, stored.ledger, stored.first_visible)
        except BaseException:
            if lock:
                lock.release()
            raise
        return LoadedSession(*parts, recorder)

    def list(
        self, search: str = "", limit: int = 100, *, one_shots: bool = False
    ) -> builtins.list[SessionInfo]:
        """List sessions, newest first; with ``search``, those that have its words.

        Those that ``mark_one_shot`` marked come with ``one_shots`` or a search, once they have a
        name, and once they have gone on.
        """
        return list_sessions(self._db, search, limit, one_shots=one_shots)

    def peek(self, session_id: int) -> builtins.list[Turn]:
        """Return a session's path, to look at only. Raises ``ChatError`` if there is none."""
        return self._load(session_id).ledger.path()

    def latest(self) -> SessionInfo | None:
        """Return the session that was changed last, None if there is none."""
        return next(iter(self.list(limit=1, one_shots=True)), None)

    def find(self, what: str) -> SessionInfo:
        """Find a session by id, by name, or by what only one name begins with.

        Raises ``ChatError`` for none and for several.
        """
        return find_session(self._db, what)

    def rename(self, session_id: int, name: str) -> None:
        """Rename a session. Raises ``ChatError``, also when another program has it."""
        self._update(session_id, "name = ?", storable(name))

    def mark_one_shot(self, session_id: int) -> None:
        """Mark a session as one answer on the command line. Raises ``ChatError``."""
        self._update(session_id, "one_shot = ?", 1)

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
        rows = self._db.rows(_DELETED)
        if not rows:
            raise ChatError("there is no deleted session")
        undelete = "UPDATE session SET deleted_at = NULL WHERE id = ?"
        self._db.write(lambda db: db.execute(undelete, (rows[0]["id"],)))
        return int(rows[0]["id"])

    def purge_deleted(self, older_than: float) -> builtins.list[int]:
        """Remove for good what was deleted that many seconds ago; returns the ids.

        Sessions that never got a turn (a kill at the wrong moment) go with them.
        """
        before = time.time() - older_than
        deleted = self._db.rows("SELECT id FROM session WHERE deleted_at <= ?", before)
        empty = self._db.rows(
            "SELECT id FROM session WHERE updated <= ? AND NOT EXISTS"
            " (SELECT 1 FROM turn WHERE turn.session = session.id)",
            before,
        )
        # What is gone for good must not hang on an index.
        turns = "SELECT 1 FROM turn NOT INDEXED WHERE session = ? LIMIT 1"
        empty = [row for row in empty if not self._db.rows(turns, row["id"])]
        gone = []
        for row in [*deleted, *empty]:
            with suppress(ChatError):  # what is damaged, or held, may stay
                gone += [row["id"]] if self._purge(row["id"]) else []
        return gone

    def fork(self, session_id: int, upto: Turn | None = None) -> int:
        """Copy the path to ``upto``, or to the head, into a new session; returns its id.

        ``upto`` is a turn of that session as it was loaded. Works on read-only ones too.
        """
        for recorder in self._recorders_of(session_id):
            recorder.flush()
        stored = self._load(session_id)
        if upto is not None:
            assert upto.key is not None, "a turn that isn't stored"
            stored.ledger.head = stored.turns.get(upto.key)
        path = stored.ledger.path()
        if not path:
            raise ChatError("there is nothing to fork yet", "say something first")
        visible = stored.first_visible if stored.first_visible in path else None
        name = fork_name(self._db, stored.meta.name or " ".join(path[0].text.split())[:40])
        meta = replace(stored.meta, name=name)

        def copy(db: sqlite3.Connection) -> int:
            fork = insert_session(db, meta, None)
            for turn in path:  # from the root on, so that a parent has its new key
                turn.key = insert_turn(db, fork, turn)
            update_head(db, fork, path[-1], visible, path)
            db.execute("UPDATE turn SET indexed = 1 WHERE session = ? AND indexed = 0", (fork,))
            return fork

        return self._db.write(copy)

    def _row(self, session_id: int) -> sqlite3.Row:
        rows = self._db.rows(_SESSION, session_id)
        if not rows:
            raise ChatError(f"no session {session_id}", Advice.LIST_SESSIONS)
        return rows[0]

    def _load(self, session_id: int) -> StoredSession:
        """Read a session; what is missing may be there still, and an index be damaged."""
        try:
            stored = self._read(session_id)
        except ChatError as error:
            if is_damage(error.__cause__) and self._db.reindex():
                return self._read(session_id)
            raise
        return self._read(session_id) if stored.damage and self._db.reindex() else stored

    def _read(self, session_id: int) -> StoredSession:
        with self._db.one_view():
            row = self._row(session_id)
            turns = self._db.rows(_TURNS, session_id)
        return read_session(row, turns)

    def _update(self, session_id: int, change: str, value: Any) -> None:
        row = self._row(session_id)
        with self._held(session_id) as held:
            if not held:
                raise ChatError(
                    f"session {session_id} is open in another program (process {row['writer']})",
                    "close it there first",
                )
            update = f"UPDATE session SET {change} WHERE id = ?"
            self._db.write(lambda db: db.execute(update, (value, session_id)))

    def _purge(self, session_id: int) -> bool:
        with self._held(session_id) as held:
            if held:
                self._db.write(partial(delete_session, session=session_id))
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
