"""What a session tells whoever keeps it, as a protocol; and a recorder that keeps nothing.

Knows no SQL and no files: ``storage.recorder.SessionRecorder`` is the one that keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..generation.settings import Sampling
from .ledger import Turn


@dataclass(frozen=True)
class SessionMeta:
    """What a session is besides its turns.

    ``fingerprint`` is that of the model's weights; ``template`` what ``Template.to_dict`` says, of
    which an old session has the name alone; ``tokenizer`` a file that was named with the model,
    ``stated`` what was said of it besides, each empty if nothing was.
    """

    model: str
    fingerprint: str
    template: Mapping[str, Any]
    system: str
    sampling: Sampling
    name: str = ""
    tokenizer: str = ""
    stated: str = ""


class Recorder(Protocol):
    """Keeps a session. Told after its ledger has changed, always from one thread.

    Everything raises ``ChatError`` where it can't be kept.
    """

    @property
    def session_id(self) -> int | None:
        """The stored session's number; None as long as nothing is kept."""

    def turn_added(self, turn: Turn) -> None:
        """Keep a new turn, which is the head now, and set its key; its parent was added before."""

    def turn_grew(self, turn: Turn) -> None:
        """Keep, now or soon, that a reply got another token; cheap enough to be called for each."""

    def turn_finished(self, turn: Turn) -> None:
        """Keep how a reply ended, or what else was changed of a turn."""

    def turn_removed(self, turn: Turn) -> None:
        """Delete a turn that came to nothing; it is a leaf."""

    def head_moved(self, head: Turn | None, first_visible: Turn | None) -> None:
        """Keep which turn the path ends with, and from which on the model sees it."""

    def meta_changed(self, meta: SessionMeta) -> None:
        """Keep what a session is besides its turns."""

    def flush(self) -> None:
        """Keep now what has grown."""

    def close(self) -> None:
        """Flush, and let other programs write to the session."""


class NullRecorder:
    """Keeps nothing: of a chat that isn't saved, or of a session that another program has."""

    session_id: int | None = None

    def turn_added(self, turn: Turn) -> None:
        """Keep nothing."""

    def turn_grew(self, turn: Turn) -> None:
        """Keep nothing."""

    def turn_finished(self, turn: Turn) -> None:
        """Keep nothing."""

    def turn_removed(self, turn: Turn) -> None:
        """Keep nothing."""

    def head_moved(self, head: Turn | None, first_visible: Turn | None) -> None:
        """Keep nothing."""

    def meta_changed(self, meta: SessionMeta) -> None:
        """Keep nothing."""

    def flush(self) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Keep nothing."""
