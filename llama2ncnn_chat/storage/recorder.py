"""Writes what happens in one session to the database, a growing reply a few times a second.

Knows neither how sessions are found nor how one is opened.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable

from ..conversation.ledger import Ledger, Turn, below, steps
from ..conversation.recorder import SessionMeta
from .database import Database, FileGoneError
from .locks import Lock
from .rows import delete_turn, insert_session, insert_turn, update_head, update_meta, update_turn

FLUSH_SECONDS = 0.25
FLUSH_TOKENS = 8
Clock = Callable[[], float]


class SessionRecorder:
    """Implements ``Recorder``. A new session comes into being with its first turn.

    ``lock_session(id)`` gives a held lock, or None if it can't be had. ``look_again`` is called
    where the database's file is gone: it opens another, and calls ``insert_all``.
    """

    def __init__(
        self,
        db: Database,
        meta: SessionMeta,
        lock_session: Callable[[int], Lock | None],
        look_again: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.session_id: int | None = None
        self._db, self._meta, self._clock = db, meta, clock
        self._lock_session, self._look_again = lock_session, look_again
        self._lock: Lock | None = None
        self._roots: list[Turn] = []
        self._head: Turn | None = None
        self._written_head: Turn | None = None
        self._first_visible: Turn | None = None
        self._growing: Turn | None = None
        self._pending = False  # it has grown since it was last written
        self._flushed_tokens, self._flushed_at = 0, 0.0

    def adopt(
        self, session_id: int, lock: Lock, ledger: Ledger, first_visible: Turn | None
    ) -> None:
        """Go on with a session that is in the database already, whose lock is held."""
        own = (os.getpid(), session_id)
        self._db.write(lambda db: db.execute("UPDATE session SET writer = ? WHERE id = ?", own))
        self.session_id, self._lock, self._roots = session_id, lock, list(ledger.roots)
        self._head = self._written_head = ledger.head
        self._first_visible = first_visible

    def insert_all(self, *, durable: bool = True) -> None:
        """Insert the session as it is in memory, with a new number; none of it is in the file.

        One without turns gets no number.
        """
        self._release()
        self.session_id, turns = None, list(below(self._roots))
        onward = [turn for turn in turns if turn.parent and turn.parent.onward is turn]
        if not turns:
            return

        def insert(db: sqlite3.Connection) -> int:
            self._release()  # of an attempt that was rolled back
            session_id, self._lock = self._new_session(db)
            for turn in turns:  # parents first, so that they have a key
                turn.key = insert_turn(db, session_id, turn)
            update_head(db, session_id, self._head, self._first_visible, onward)
            return session_id

        try:
            self.session_id = self._db.write(insert, durable=durable)
        except BaseException:
            for turn in turns:
                turn.key = None
            self._release()
            raise
        self._written_head = self._head

    def turn_added(self, turn: Turn) -> None:
        """Insert a turn, and the session before its first one; those above that failed, too."""
        self._settle(turn)
        new, roots, head = _without_key(turn), self._roots, self._head

        def insert(db: sqlite3.Connection) -> None:
            for each in new:
                each.key = insert_turn(db, self._id, each)
            self._write_head(db)

        if new[0].parent is None:
            self._roots = [*roots, new[0]]
        self._head = turn
        try:
            self._keep(insert)
        except BaseException:
            for each in new:
                each.key = None
            self._roots, self._head = roots, head
            raise
        self._written_head = turn

    def turn_grew(self, turn: Turn) -> None:
        """Write a growing reply, but only every few tokens or a few times a second."""
        first = turn is not self._growing
        if first:
            self._settle(turn)
            self._growing = turn
        if (
            first
            or len(turn.ids) - self._flushed_tokens >= FLUSH_TOKENS
            or self._clock() - self._flushed_at >= FLUSH_SECONDS
        ):
            self._write(turn)
        else:
            self._pending = True

    def flush(self) -> None:
        """Write what has grown since."""
        if self._growing and self._pending:
            self._write(self._growing)

    def turn_finished(self, turn: Turn) -> None:
        """Write a turn and make it searchable; it survives a power cut."""
        self._settle(turn)

        def finish(db: sqlite3.Connection) -> None:
            update_turn(db, turn, index=True)
            db.execute("UPDATE session SET updated = ? WHERE id = ?", (time.time(), self._id))

        self._keep(finish, durable=True)

    def turn_removed(self, turn: Turn) -> None:
        """Delete a turn, and forget its key."""
        self._settle(turn)
        self._roots = [root for root in self._roots if root is not turn]
        self._head = turn.parent if self._head is turn else self._head
        self._keep(lambda db: delete_turn(db, turn))
        turn.key = None
        if self._written_head is turn:
            self._written_head = turn.parent

    def head_moved(self, head: Turn | None, first_visible: Turn | None) -> None:
        """Write where the path ends and from where on it is seen, and what has grown."""
        self._head, self._first_visible = head, first_visible
        self.flush()  # what is read again after a shift may take minutes
        self._keep(self._write_head)
        self._written_head = head

    def meta_changed(self, meta: SessionMeta) -> None:
        """Write what a session is besides its turns, once it is stored."""
        self._meta = meta
        self._keep(lambda db: update_meta(db, self._id, meta))

    def close(self) -> None:
        """Flush and release the lock; more than once does no harm."""
        try:
            self.flush()
        finally:
            self._growing, self._roots = None, []
            self._release()

    @property
    def holds_lock(self) -> bool:
        """Whether this recorder keeps other programs from writing."""
        return self._lock is not None

    @property
    def _id(self) -> int:
        assert self.session_id is not None, "turn_added comes first"
        return self.session_id

    def _new_session(self, db: sqlite3.Connection) -> tuple[int, Lock]:
        while True:
            session_id = insert_session(db, self._meta, os.getpid())
            # Somebody may hold that number still from a file that was moved aside.
            if lock := self._lock_session(session_id):
                return session_id, lock
            db.execute("DELETE FROM session WHERE id = ?", (session_id,))

    def _keep(
        self, change: Callable[[sqlite3.Connection], object], *, durable: bool = False
    ) -> None:
        """Write a change that was made in memory; all there is, where nothing is written yet."""
        try:
            if self.session_id is None:
                self.insert_all(durable=durable)
            else:
                self._db.write(change, durable=durable)
        except FileGoneError:
            self._look_again()

    def _write_head(self, db: sqlite3.Connection) -> None:
        """Write where the path ends now, and how it goes from where it left the last one."""
        path = steps(self._written_head, self._head)
        update_head(db, self._id, self._head, self._first_visible, path)

    def _release(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None

    def _settle(self, turn: Turn) -> None:
        """End the growing of a reply; it is written, unless it is ``turn``, left to the caller."""
        if turn is not self._growing:
            self.flush()
        self._growing, self._pending = None, False

    def _write(self, turn: Turn) -> None:
        self._keep(lambda db: update_turn(db, turn, index=False))
        self._flushed_tokens, self._flushed_at = len(turn.ids), self._clock()
        self._pending = False


def _without_key(turn: Turn) -> list[Turn]:
    """List the turn, and before it those above that a full disk kept out of the database."""
    new = []
    above: Turn | None = turn
    while above and above.key is None:
        new.append(above)
        above = above.parent
    return new[::-1]
