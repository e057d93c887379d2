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
    """The one connection of the process: any thread may use it, one at a time, that has ``lock``.

    ``path`` is where its file stands as this is made.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path, self.lock = path, threading.RLock()
        self._connection = connection
        self._file, *self._beside = map(_file_at, (path, *beside(path)))
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
        ``ChatError``, a ``FileGoneError`` where nobody would find it.
        """
        with self.lock, as_chat_error("save the session"):
            if self.is_gone():
                raise FileGoneError(self.path)
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

    def is_gone(self) -> bool:
        """Tell whether the file was removed, or another stands there now."""
        return self._file is None or _file_at(self.path) != self._file

    def remains(self) -> list[Path]:
        """List what still stands beside the path of the file that is gone.

        A new file there would take them for its own, and mix what is in them with it.
        """
        then_and_now = zip(beside(self.path), self._beside, strict=True)
        return [path for path, file in then_and_now if file and _file_at(path) == file]

    def become(self, other: Database) -> None:
        """Go on with the connection of another one, which is of no more use; this one's ends."""
        with self.lock:
            gone, self._connection = self._connection, other._connection
            self._file, self._beside = other._file, other._beside
            self._reindexed = False
            gone.close()

    def make_indexes_anew(self) -> bool:
        """Make all indexes again from the turns; returns whether that could be done."""
        with self.lock:
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
        with self.lock:
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
        with self.lock, as_chat_error("read the sessions"):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection; nothing can be read or written afterwards."""
        with self.lock:
            self._connection.close()


class FileGoneError(ChatError):
    """The sessions' file was removed, or replaced, while it was open."""

    def __init__(self, path: Path, why: str = "") -> None:
        gone = f"can't save the session: {path} was removed, or replaced, while it was open"
        super().__init__(f"{gone}; {why}" if why else gone, Advice.EXPORT)


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


def beside(path: Path) -> tuple[Path, Path]:
    """Name the two files that SQLite keeps beside one that is open."""
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    return wal, shm


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
