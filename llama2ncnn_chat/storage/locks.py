"""One lock file per session, held while a program writes to it. Knows no database.

The system drops a lock when its process ends, however it ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from ..errors import Advice, ChatError
from ..paths import keep_private, make_private


class Lock(Protocol):
    """What keeps other programs from writing to a session, while held."""

    def release(self) -> None:
        """Let other programs write to the session."""


class SessionLocks:
    """The locks of the sessions of one store, as files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def acquire(self, session_id: int) -> Lock | None:
        """Return the session's lock, held, or None when another program has it.

        Raises ``ChatError`` where no file can be locked.
        """
        # Not of one thread: the worker creates a session, and the program's end closes it.
        lock = FileLock(self._file(session_id), thread_local=False, mode=0o600)
        try:
            make_private(self._folder)
            keep_private(self._file(session_id))
            lock.acquire(timeout=0)
        except Timeout:
            return None
        except OSError as error:
            why = f"can't lock session {session_id} in {self._folder}: {error.strerror}"
            raise ChatError(why, Advice.CHAT_UNSAVED) from error
        return lock

    def delete(self, session_id: int) -> None:
        """Delete the lock file of a session that is gone for good: its id won't come again."""
        self._file(session_id).unlink(missing_ok=True)

    def _file(self, session_id: int) -> Path:
        return self._folder / f"{session_id}.lock"
