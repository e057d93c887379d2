"""The session that is open, the model that it goes on with, and all it takes to open others.

Collects notes for faces to show. Knows no face and no commands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..conversation.renderer import Renderer, refuse_long_system, renderer_of
from ..conversation.session import Session
from ..conversation.settings import Settings
from ..errors import ChatError
from ..generation.completer import Completer
from ..generation.local import LocalCompleter
from ..model.no_engine import NoEngine
from ..storage.snapshots import SnapshotStore
from ..storage.store import LoadedSession, Store
from . import phrases
from .chat_model import ChatModel
from .keeping import Keeping
from .next_reply import NextReply
from .resuming import encode_anew, is_foreign, meta_of, resumed_notes, resumed_settings


@dataclass(frozen=True)
class Original:
    """A stored session that is shown and stays as it is; ``meta`` says which model its ids are of.

    ``is_foreign``: what is shown are its texts, with the ids of the open model.
    """

    id: int
    meta: SessionMeta
    is_foreign: bool

    def is_of(self, meta: SessionMeta) -> bool:
        """Tell whether what is stored has the ids of this model and template."""
        return (self.meta.fingerprint, self.meta.template) == (meta.fingerprint, meta.template)


class OpenSession:
    """One completer and the session that uses it now; ``settings`` must name a template.

    ``given`` names the settings that hold whatever a resumed session says.
    """

    def __init__(
        self,
        completer: Completer,
        model: ChatModel,
        settings: Settings,
        *,
        given: frozenset[str] = frozenset(),
        store: Store | None = None,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self.session: Session
        self._completer: Completer
        self.settings, self.given, self.name = settings, given, ""
        self.notes = store.notes if store else []
        self.next_reply = NextReply(Ledger())
        self._original: Original | None = None  # the first message goes into a copy of it
        self._store, self._snapshots = store, snapshots
        self._take(model, completer)
        self._begin()

    @property
    def store(self) -> Store | None:
        """Where sessions are kept; None if they aren't."""
        return self._store

    @property
    def session_id(self) -> int | None:
        """The stored session's number, once there is one; a copy yet to be made has none."""
        return self.session.recorder.session_id

    @property
    def read_only(self) -> bool:
        """Whether what is sent goes into a copy of the session."""
        return self._original is not None

    @property
    def kept_bytes(self) -> int:
        """Bytes that the KV snapshots of all sessions take on the disk."""
        return self._keeping.cache_bytes()

    def pop_notes(self) -> list[str]:
        """Return and clear the pending notices."""
        return [self.notes.pop(0) for _ in range(len(self.notes))]  # another thread may add one

    def new(self) -> None:
        """Begin an empty session, with the settings as they are."""
        self.session.refuse_if_busy()
        self._keeping.leave(self.session)
        self._begin()

    def resume(self, session_id: int) -> None:
        """Open a stored session. Raises ``ChatError``, and then all is as it was."""
        self.session.refuse_if_busy()
        if session_id == self.session_id:
            return
        loaded = self.stored().resume(session_id)
        try:
            settings = resumed_settings(loaded, self.settings, self.given, self.chat_model.template)
            template = renderer_of(settings, self.vocabulary).template
            foreign = is_foreign(loaded, self.model.fingerprint, template, self.vocabulary)
        except BaseException:
            loaded.recorder.close()
            raise
        self._keeping.leave(self.session)
        self.settings, self.name = settings, loaded.meta.name
        self.notes += resumed_notes(loaded, self.model.fingerprint, foreign=foreign)
        self._adopt(loaded, foreign=foreign)
        if not foreign:
            self._restore_cache(session_id)

    def fork(self) -> None:
        """Go on in a copy of the conversation as it stands."""
        self.stored()
        if self._shown_id is None or self.session.ledger.head is None:
            raise ChatError("there is nothing to fork yet", "say something first")
        self._fork(self._shown_id)

    def rename(self, name: str) -> None:
        """Name the open session."""
        self.stored()
        self._make_writable()
        self.name = name
        self._meta_changed()

    def delete(self, session_id: int) -> None:
        """Delete a stored session; if it is the open one, an empty one is open then."""
        self.session.refuse_if_busy()
        self._keeping.delete(session_id)
        if session_id == self._shown_id:
            self.session.recorder.close()  # and its cache isn't kept
            self._begin()
        self._keeping.delete_cache(session_id)

    def stored(self) -> Store:
        """Return the store. Raises ``ChatError`` if nothing is kept."""
        return self._keeping.stored()

    def close(self) -> None:
        """Keep everything and give the memory back; more than once does no harm."""
        try:
            self._keeping.leave(self.session)
        finally:
            self._keeping.close()
            self._completer.close()

    # Another model: ``switching`` has the session for itself meanwhile

    def free_model(self) -> ChatModel:
        """Give the open model's memory back; returns what ``use_model`` takes to open it again."""
        self._keeping.save_cache(self.session)
        self._completer.close()
        nothing = NoEngine(self.session.context_length, self._completer.threads)
        self._completer = LocalCompleter(nothing, self.vocabulary)
        return self.chat_model

    def use_model(
        self, model: ChatModel, completer: Completer, settings: Settings, *, anew: bool
    ) -> None:
        """Go on with a model; ``anew``: with the texts, whose ids mean something else to it.

        A stored session stays as it is then: what is sent goes into a copy.
        """
        before, shown, meta = self.session, self._shown_id, self._meta()
        completer.threads = self._completer.threads
        self.settings = settings
        self._take(model, completer)
        recorder, first = before.recorder, before.first_visible
        if completer.context_length > before.context_length:  # there may be room for more of it
            first = None
        if anew:
            encode_anew(before.ledger, self._renderer())
            if shown is not None:
                recorder = NullRecorder()
                meta = self._original.meta if self._original else meta
                self._original = Original(shown, meta, is_foreign=True)
        self.session = Session(self._completer, self._renderer(), before.ledger, first, recorder)
        if recorder is not before.recorder:
            before.recorder.close()
        self._meta_changed()
        self._see_what_fits()
        original = self._original
        if original and original.is_foreign and original.is_of(self._meta()):
            self._reopen(original)
        if self.session_id is not None:
            self._restore_cache(self.session_id)

    def _take(self, model: ChatModel, completer: Completer) -> None:
        self.model, self.vocabulary = model.facts, model.vocabulary
        self.chat_model, self._completer = model, completer
        cache_of = completer if isinstance(completer, LocalCompleter) else None
        fingerprint = model.facts.fingerprint
        snapshots = self._snapshots if model.keeps_cache else None
        self._keeping = Keeping(self._store, snapshots, cache_of, fingerprint)

    def _restore_cache(self, session_id: int) -> None:
        if note := self._keeping.restore_cache(self.session, session_id):
            self.notes.append(note)

    def _reopen(self, original: Original) -> None:
        """Go on in a session itself whose texts were shown with another model's ids meanwhile."""
        loaded, head = self.stored().resume(original.id), self.session.ledger.head
        same = (turn for turn in loaded.ledger.turns() if head and turn.key == head.key)
        loaded.ledger.move(next(same, None))
        template = self._renderer().template
        foreign = is_foreign(loaded, self.model.fingerprint, template, self.vocabulary)
        self._adopt(loaded, foreign=foreign)

    def _render_with(self, settings: Settings) -> None:
        """Have the system prompt of these settings stand before the model, if there is room."""
        refuse_long_system(renderer_of(settings, self.vocabulary), self.session.context_length)
        self._make_writable()
        self.session.set_system(settings.system)

    def _make_writable(self) -> None:
        self.session.refuse_if_busy()
        if self._original is None:
            return
        if self.session.ledger.head is None:
            self._open(Ledger(), None, self._keeping.begin(self._meta()))
        else:
            self._fork(self._original.id)

    def _fork(self, session_id: int) -> None:
        store, foreign = self.stored(), self._original is not None and self._original.is_foreign
        loaded = store.resume(store.fork(session_id, self.session.ledger.head))
        self._keeping.leave(self.session)
        self.name = loaded.meta.name
        if foreign:
            encode_anew(loaded.ledger, self._renderer())
            loaded = replace(loaded, first_visible=None)  # other ids take other room
        self._adopt(loaded, foreign=False)
        if foreign:
            for turn in loaded.ledger.path():  # parents first, so that the last one is the head
                self.session.recorder.turn_finished(turn)
        self._meta_changed()
        self.notes.append(f"this is session {self.session_id} now, {self.name!r}")

    def _adopt(self, loaded: LoadedSession, *, foreign: bool) -> None:
        if foreign:
            encode_anew(loaded.ledger, self._renderer())
        if not (loaded.read_only or foreign):
            self._open(loaded.ledger, loaded.first_visible, loaded.recorder)
            self._meta_changed()
        else:
            loaded.recorder.close()
            self._open(loaded.ledger, loaded.first_visible, NullRecorder())
            self._original = Original(loaded.id, loaded.meta, foreign)
        settings = self.settings
        if loaded.meta.system != settings.system:
            self.settings = replace(settings, system=loaded.meta.system)
            self._render_with(settings)
            self.settings = settings
            self._meta_changed()
        self._see_what_fits()

    def _begin(self) -> None:
        self.name = ""
        self._open(Ledger(), None, self._keeping.begin(self._meta()))
        self._keeping.restore_opening(self.session)

    def _open(self, ledger: Ledger, first_visible: Turn | None, recorder: Recorder) -> None:
        renderer = self._renderer()
        self.session = Session(self._completer, renderer, ledger, first_visible, recorder)
        self._original = None
        self.next_reply = NextReply(self.session.ledger, self.next_reply.words)

    def _see_what_fits(self) -> None:
        if self.session.see_what_fits():
            self.notes.append(phrases.longer_than_context(self.session.context_length))

    def _renderer(self) -> Renderer:
        return renderer_of(self.settings, self.vocabulary)

    def _meta(self) -> SessionMeta:
        return meta_of(self.model, self.settings, self._renderer().template, self.name)

    def _meta_changed(self) -> None:
        self.session.recorder.meta_changed(self._meta())

    @property
    def _shown_id(self) -> int | None:
        return self._original.id if self._original else self.session_id
