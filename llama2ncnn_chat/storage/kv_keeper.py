"""Keeps KV caches over program runs, and restores as much of them as fits.

Of a session all of it, and of what sessions begin with, a long system prompt, one for all of them.
Knows snapshots and sessions, but not which session is open or when it is left.
"""

from __future__ import annotations

import hashlib
import json

from ..conversation.session import Session
from ..generation.completer import common_prefix
from ..generation.local import LocalCompleter
from ..model.kv_cache import KvCache
from ..text.templates.marked import TEMPLATES
from ..text.templates.template import Template
from .snapshots import SnapshotStore, opening_of

SHARED_TOKENS = 64
"""So many tokens that sessions begin with are kept for others: fewer are read as soon."""


class KvKeeper:
    """Keeps the cache of ``completer``; without a ``SnapshotStore`` it keeps nothing.

    Nor does it without a ``completer``, where what is read stands elsewhere. ``fingerprint`` is
    that of the model.
    """

    def __init__(
        self, snapshots: SnapshotStore | None, completer: LocalCompleter | None, fingerprint: str
    ) -> None:
        self._snapshots, self._completer = snapshots, completer
        self._fingerprint = fingerprint
        self._kept: list[int] = []

    def save(self, session: Session, session_id: int) -> None:
        """Save the cache as it is, and what others may begin with, unless that has been done."""
        completer = self._completer
        if not self._snapshots or not completer:
            return
        key, cached, cache = self._key(session, completer), completer.ids, None
        # What the model has read of another path (after an undo) is of no use later.
        window = session.window(session.sight(session.ledger.head))
        n = common_prefix(cached, window)
        if n and window[:n] != self._kept:
            cache = completer.snapshot()
            self._snapshots.save(session_id, key, window[:n], _first(cache, n))
            self._kept = window[:n]
        opening = _opening(session, completer)
        name = opening_of(key, opening)
        if opening and cached[: len(opening)] == opening and not self._snapshots.has(name):
            cache = cache or completer.snapshot()
            self._snapshots.save(name, key, opening, _first(cache, len(opening)))

    def restore(self, session: Session, session_id: int) -> tuple[int, str]:
        """Restore the cache of the conversation, as far as there is one.

        Returns how many of its tokens will have to be read again, and why: "off" where nothing is
        kept, empty where nothing went wrong.
        """
        completer = self._completer
        if not completer:
            return 0, ""
        window, why, n_restored = session.window(session.sight(session.ledger.head)), "off", 0
        if self._snapshots:
            cache, why = self._snapshots.load(session_id, self._key(session, completer), window)
            if cache and cache.n_tokens > completer.context_length:
                why = "what was kept is longer than this context"
            elif cache:
                completer.restore(cache, window)
                self._kept, n_restored = list(completer.ids), cache.n_tokens
        return len(window) - n_restored, why

    def restore_opening(self, session: Session) -> None:
        """Restore what the conversation begins with, if another has kept it."""
        completer = self._completer
        if not self._snapshots or not completer:
            return
        opening = _opening(session, completer)
        if completer.ids[: len(opening)] != opening:
            key = self._key(session, completer)
            cache, _ = self._snapshots.load(opening_of(key, opening), key, opening)
            if cache and cache.n_tokens < completer.context_length:
                completer.restore(cache, opening, ahead=True)

    def total_bytes(self) -> int:
        """Add up what the snapshots of all sessions take on the disk."""
        return self._snapshots.total_bytes() if self._snapshots else 0

    def delete(self, session_id: int) -> None:
        """Delete what is kept of a session, and what it may have shared with others."""
        if self._snapshots:
            self._snapshots.delete(session_id)
            self._snapshots.delete_openings()

    def _key(self, session: Session, completer: LocalCompleter) -> str:
        template = session.renderer.template
        return snapshot_key(self._fingerprint, completer.computed_by, template)


def snapshot_key(fingerprint: str, computed_by: str, template: Template) -> str:
    """Return what tells a snapshot's model, what computed it, and template apart from others.

    A template goes by what it says, a built-in one by its name.
    """
    key, name = f"{fingerprint}/{computed_by}", template.name
    if template == TEMPLATES.get(name):
        return f"{key}/{name}"
    says = json.dumps(template.to_dict(), sort_keys=True)
    return f"{key}/{name}/{hashlib.sha256(says.encode()).hexdigest()}"


def _opening(session: Session, completer: LocalCompleter) -> list[int]:
    """Return what is worth sharing of what the conversation begins with; or nothing."""
    opening = session.ahead.opening()
    n = len(opening) - len(opening) % completer.grain
    return opening[:n] if n >= SHARED_TOKENS else []


def _first(cache: KvCache, n: int) -> KvCache:
    """Return the cache of the first ``n`` tokens."""
    return KvCache(cache.keys[:, :, :n], cache.values[:, :, :n])
