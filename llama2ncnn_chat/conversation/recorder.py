"""What a session tells whoever keeps it, as things happen, and the keeper that keeps nothing.

Knows no SQL and no files: ``SessionRecorder`` of the store is the real one.
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
    which an old session has the name alone; ``tokenizer`` a file that was named with the model, or
    empty.
    """

    model: str
    fingerprint: str
    template: Mapping[str, Any]
    system: str
    sampling: Sampling
    name: str = ""
    tokenizer: str = ""


class Recorder(Protocol):
    """Told after the ledger has changed, always from one thread. Raises ``ChatError``."""

    @property
    def session_id(self) -> int | None:
        """None as long as nothing is kept."""

    def turn_added(self, turn: Turn) -> None:
        """A turn after its parent; it is the head now. Sets its key."""

    def turn_grew(self, turn: Turn) -> None:
        """A reply got another token; cheap enough to be called for each."""

    def turn_finished(self, turn: Turn) -> None:
        """A reply came to an end of any kind, or a turn was changed otherwise."""

    def turn_removed(self, turn: Turn) -> None:
        """A leaf was taken back."""

    def head_moved(self, head: Turn | None, first_visible: Turn | None) -> None:
        """Another path, or the same one with more or less of it out of the model's sight."""

    def meta_changed(self, meta: SessionMeta) -> None:
        """Name, template, system prompt, sampling or model."""

    def flush(self) -> None:
        """Keep now what has grown."""

    def close(self) -> None:
        """Flush, and let other programs have the session."""


class NullRecorder:
    """Keeps nothing: ``--no-save``, and sessions that another program has."""

    session_id: int | None = None

    def turn_added(self, turn: Turn) -> None: ...
    def turn_grew(self, turn: Turn) -> None: ...
    def turn_finished(self, turn: Turn) -> None: ...
    def turn_removed(self, turn: Turn) -> None: ...
    def head_moved(self, head: Turn | None, first_visible: Turn | None) -> None: ...
    def meta_changed(self, meta: SessionMeta) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
