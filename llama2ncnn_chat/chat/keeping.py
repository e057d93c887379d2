"""Keeps sessions: their turns in the store, their KV caches in snapshots; or nothing at all.

Doesn't know which session is open.
"""

from __future__ import annotations

from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..conversation.session import Session
from ..errors import Advice, ChatError
from ..generation.local import LocalCompleter
from ..storage.kv_keeper import KvKeeper
from ..storage.snapshots import SnapshotStore
from ..storage.store import Store
from . import phrases

NOTED_TOKENS = 32
"""Reading so many tokens again takes long enough for a note."""


class Keeping:
    """Without a ``store`` no session is kept, without ``snapshots`` no KV cache of one."""

    def __init__(
        self,
        store: Store | None,
        snapshots: SnapshotStore | None,
        completer: LocalCompleter | None,
        fingerprint: str,
    ) -> None:
        self.store = store
        self._caches = KvKeeper(snapshots, completer, fingerprint)

    def stored(self) -> Store:
        """Return the store, whose file is there. Raises ``ChatError`` if nothing is kept."""
        if self.store is None:
            raise ChatError("nothing is saved here", Advice.START_SAVING)
        self.store.look_again()
        return self.store

    def begin(self, meta: SessionMeta) -> Recorder:
        """Return the recorder of a new session."""
        return self.store.create(meta) if self.store else NullRecorder()

    def leave(self, session: Session) -> None:
        """Save a session's cache, and let other programs have the session."""
        try:
            self.save_cache(session)
        finally:
            session.recorder.close()

    def save_cache(self, session: Session) -> None:
        """Save what the model has read of a session, if it is stored."""
        if session.recorder.session_id is not None:
            self._caches.save(session, session.recorder.session_id)

    def restore_cache(self, session: Session, session_id: int) -> str:
        """Restore the cache of a session; returns a note to show, or nothing."""
        n_tokens, why = self._caches.restore(session, session_id)
        return phrases.read_again(n_tokens, why) if n_tokens >= NOTED_TOKENS else ""

    def restore_opening(self, session: Session) -> None:
        """Restore the cache of what an empty session begins with, if another has kept that."""
        self._caches.restore_opening(session)

    def delete(self, session_id: int) -> None:
        """Delete a stored session. Raises ``ChatError``."""
        self.stored().delete(session_id)

    def delete_cache(self, session_id: int) -> None:
        """Delete the cache of a session."""
        self._caches.delete(session_id)

    def cache_bytes(self) -> int:
        """Add up what the caches of all sessions take on the disk."""
        return self._caches.total_bytes()

    def close(self) -> None:
        """Close the store."""
        if self.store:
            self.store.close()
