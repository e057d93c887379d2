"""Opens the sessions' file: checks it, brings it up to date, and rescues what it can of a bad one.

Knows files; what tables there must be, ``schema`` says. A file is never deleted: a bad one is moved
aside, and in its place comes a new one with all that could be read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..atomic import replacing
from ..errors import Advice, ChatError
from ..paths import keep_private, make_private
from .database import Database, FileGoneError, beside, decode
from .salvage import lend_first_page, salvage
from .schema import MIGRATIONS, bring_up_to_date, is_newer, is_of_the_world, problem_of


def open_database(
    path: Path, *, instead_of: Database | None = None
) -> tuple[Database, tuple[str, ...]]:
    """Open the database, created or brought up to date; returns notes on what was found, too.

    What is left of the one that was there before, ``instead_of``, is removed. Raises ``ChatError``.
    """
    try:
        make_private(path.parent)
        lock = path.with_name(f"{path.name}.lock")
        keep_private(lock)
        # Two programs that start together must not both move the file aside or migrate it.
        with FileLock(lock, timeout=60, mode=0o600):
            for left in instead_of.remains() if instead_of else ():
                left.unlink(missing_ok=True)
            return _open_alone(path)
    except Timeout:
        raise ChatError(f"another program keeps {path} to itself", Advice.CHAT_UNSAVED) from None
    except (OSError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise ChatError(
            f"can't open the sessions in {path}: {error}", Advice.CHAT_UNSAVED
        ) from error


def open_again(db: Database) -> tuple[str, ...]:
    """Open what stands now where the file of ``db`` is gone, a new one if nothing does.

    ``db`` goes on with that; returns notes on what was found. Raises ``FileGoneError``, and then
    ``db`` is as it was.
    """
    try:
        other, notes = open_database(db.path, instead_of=db)
    except ChatError as error:
        raise FileGoneError(db.path, error.message) from error
    db.become(other)
    return notes


def _open_alone(path: Path) -> tuple[Database, tuple[str, ...]]:
    # SQLite would make it readable for all; its -wal and -shm follow the mode of this one, and one
    # that can't be written keeps all from writing.
    for each in (path, *beside(path)):
        keep_private(each)
    problem = _problem(path) if path.exists() else None
    notes = [_rescue(path, problem)] if problem else []
    try:
        connection, foreign = _up_to_date(path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if problem or is_of_the_world(error):
            raise
        notes = [_rescue(path, f"is damaged ({error})")]
        connection, foreign = _up_to_date(path)
    if foreign:
        notes.append(f"{path}: removed what was not this program's ({', '.join(foreign)})")
    return Database(connection, path), tuple(notes)


def _up_to_date(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        return connection, bring_up_to_date(connection)
    except BaseException:
        connection.close()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.text_factory = decode
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _problem(path: Path) -> str | None:
    """Say why the file can't be ours, or None. Raises ``ChatError`` for one of a newer version.

    ``sqlite3.OperationalError`` (locked, no rights, no space) is trouble with the world, not with
    the file, and goes through.
    """
    try:
        with closing(_connect(path)) as connection:
            if is_newer(connection):
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                raise ChatError(
                    f"{path} was written by a newer version of this program (its format is "
                    f"{version}, this version knows {len(MIGRATIONS)}): update it",
                    Advice.CHAT_UNSAVED,
                )
            return problem_of(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # of an error's own text
        if is_of_the_world(error):
            raise
        return f"is damaged ({error})"


def _rescue(path: Path, problem: str) -> str:
    """Put a new file in the place of a bad one, with all that can be read of it; returns a note."""
    if _in_use(path):
        raise ChatError(
            f"{path} {problem}, and another program has it open: close that first",
            Advice.CHAT_UNSAVED,
        )
    with replacing(path) as new:
        n_sessions = _copy_readable(path, new)
        aside = _move_aside(path)
    rescued = f"{n_sessions} sessions could be read" if n_sessions else "new sessions start empty"
    return f"{path} {problem}: kept as {aside.name}, and {rescued}"


def _copy_readable(path: Path, new: Path) -> int:
    """Make a new file with all that can be read; returns how many sessions that are.

    What is read is a copy beside the new one: reading would write into the file.
    """
    connection, _ = _up_to_date(new)
    with closing(connection):
        connection.execute("PRAGMA journal_mode = DELETE")  # and nothing is left in a -wal
        for lent in (False, True):  # the first page is small, and all hangs on it
            copy = new.with_name(f"damaged-{lent}")
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
            if lent:
                lend_first_page(connection, copy)
            with closing(sqlite3.connect(copy)) as damaged:
                if n_sessions := salvage(damaged, connection):
                    return n_sessions
    return 0


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
