"""A session's KV cache over program runs: saved when the session is left, put back when it fits.

Knows snapshots and sessions, but not which session is open or when it is left.
"""

from __future__ import annotations

import hashlib
import json

from ..conversation.renderer import common_prefix
from ..conversation.session import Session
from ..model.kv_cache import KvCache
from ..text.templates.marked import TEMPLATES
from ..text.templates.template import Template
from .snapshots import SnapshotStore

SAID_FROM = 32
"""Reading that many tokens again is worth a word."""


class KvKeeper:
    """Without a ``SnapshotStore`` nothing is kept. ``fingerprint`` is that of the model."""

    def __init__(self, snapshots: SnapshotStore | None, fingerprint: str) -> None:
        self._snapshots, self._fingerprint = snapshots, fingerprint
        self._kept: list[int] = []

    def save(self, session: Session, session_id: int) -> None:
        """Keep the cache as it is, unless that has been done."""
        # What the model has read of another path (after /undo, /prev) is of no use later.
        window = session.window(session.ledger.path())
        n = common_prefix(session.cache.ids, window)
        if self._snapshots and n and window[:n] != self._kept:
            _, cache = session.cache.snapshot()
            cache = KvCache(cache.keys[:, :, :n], cache.values[:, :, :n])
            self._snapshots.save(session_id, self._key(session), window[:n], cache)
            self._kept = window[:n]

    def restore(self, session: Session, session_id: int) -> str:
        """Put back what there is of the conversation; returns what to tell."""
        window, why, restored = session.window(session.ledger.path()), "--no-kv-cache", 0
        if self._snapshots:
            cache, why = self._snapshots.load(session_id, self._key(session), window)
            if cache and cache.n_tokens > session.engine.context_length:
                why = "the snapshot is longer than this context"
            elif cache:
                session.cache.restore(cache, window)
                self._kept, restored = list(session.cache.ids), cache.n_tokens
        left = len(window) - restored
        if left < SAID_FROM:
            return ""
        because = f" ({why})" if why else ""
        return f"{left:,} tokens of it are read again with the next message{because}"

    def total_bytes(self) -> int:
        """What the snapshots of all sessions take on the disk."""
        return self._snapshots.total_bytes() if self._snapshots else 0

    def forget(self, session_id: int) -> None:
        """Of a session that is deleted."""
        if self._snapshots:
            self._snapshots.delete(session_id)

    def _key(self, session: Session) -> str:
        return snapshot_key(self._fingerprint, session.renderer.template)


def snapshot_key(fingerprint: str, template: Template) -> str:
    """Return what tells a snapshot's model and template apart from others.

    A template goes by what it says, a built-in one by its name: so do the snapshots there are.
    """
    name = template.name
    if template == TEMPLATES.get(name):
        return f"{fingerprint}/{name}"
    says = json.dumps(template.to_dict(), sort_keys=True)
    return f"{fingerprint}/{name}/{hashlib.sha256(says.encode()).hexdigest()}"
