"""The one connection to the sessions' SQLite file: reads, and writes all of something or nothing.

Knows neither turns nor ledgers, nor what is made of a file that can't be opened.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ..errors import Advice, ChatError
from .schema import make_indexes_anew

T = TypeVar("T")


class Database:
    """The one connection of the process: any thread may use it, one at a time.

    ``path`` is where its file stands as this is made.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._file = _file_at(path)
        self._lock = threading.RLock()
        self._reindexed = False

    def write(
        self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False, again: bool = True
    ) -> T:
        """Return what ``work`` does in a transaction; see there.

        Where an index turns out damaged, all of them are made anew, and the work is done again.
        """
        try:
            with self.transaction(durable=durable) as db:
                return work(db)
        except ChatError as error:
            if not (again and is_damage(error.__cause__) and self.make_indexes_anew()):
                raise
        return self.write(work, durable=durable, again=False)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Write all of what happens inside, or nothing.

        What is written survives the death of the process; if ``durable``, a power cut too. Raises
        ``ChatError``, also where the file has been removed, for nobody would find it.
        """
        with self._lock, as_chat_error("save the session"):
            self.refuse_if_gone()
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

    def refuse_if_gone(self) -> None:
        """Raise ``ChatError`` where the file was removed, or another stands there now."""
        if self._file is None or _file_at(self._path) != self._file:
            raise ChatError(
                f"can't save the session: {self._path} was removed, or replaced, while it was open",
                Advice.EXPORT,
            )

    def make_indexes_anew(self) -> bool:
        """Make all indexes again from the turns; returns whether that could be done."""
        with self._lock:
            try:
                make_indexes_anew(self._connection)
            except (sqlite3.Error, UnicodeDecodeError):
                return False
        return True

    def reindex(self) -> bool:
        """Make the indexes of the tables again, once; returns whether that was done now."""
        if self._reindexed:
            return False
        self._reindexed = True
        with suppress(ChatError):
            self.write(lambda db: db.execute("REINDEX"))
            return True
        return False

    def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """Return the rows that a query finds. Raises ``ChatError``.

        Where an index turns out damaged, and nothing else hangs on this moment, it is mended.
        """
        with self._lock:
            try:
                with as_chat_error("read the sessions"):
                    return self._connection.execute(sql, parameters).fetchall()
            except ChatError as error:
                busy = self._connection.in_transaction
                if busy or not (is_damage(error.__cause__) and self.reindex()):
                    raise
            return self.rows(sql, *parameters)

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


class DamagedText(str):
    """A text that was no UTF-8, with a mark for each byte that couldn't be read."""

    __slots__ = ()


def decode(data: bytes) -> str:
    """Return the text of a column, a ``DamagedText`` where it is no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return DamagedText(data.decode(errors="replace"))


def is_damage(error: BaseException | None) -> bool:
    """Tell whether an error of SQLite's says that something in the file is damaged."""
    return isinstance(error, sqlite3.DatabaseError) and (
        "malformed" in str(error)
        or "fts5" in str(error)
        or "vtable" in str(error)
        or (type(error) is sqlite3.IntegrityError and str(error) == "constraint failed")
    )


@contextmanager
def as_chat_error(doing: str) -> Iterator[None]:
    """Raise ``ChatError`` for what can't be helped here: a full disk, a held lock, damage.

    ``doing`` says what failed. Wrong SQL is ours and goes through as it is.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # of an error's own text
        raise ChatError(f"can't {doing}: {error}", Advice.CHAT_UNSAVED) from error


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
