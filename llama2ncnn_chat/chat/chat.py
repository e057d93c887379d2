"""The session that is open, and all it takes to open another: model, settings, store, snapshots.

What every face talks to besides the session itself; it copies sessions that can't be written to,
keeps KV snapshots, and collects what there is to tell. Knows no face and no commands.
"""

from __future__ import annotations

from dataclasses import replace

from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..conversation.renderer import Renderer, reserve
from ..conversation.session import BusyError, Session
from ..errors import ChatError, PromptTooLongError, UsageError
from ..events import Events
from ..generation.generate import never
from ..model.engine import Cancelled, Engine
from ..storage.kv_keeper import KvKeeper
from ..storage.snapshots import SnapshotStore
from ..storage.store import LoadedSession, Store
from ..text.vocabulary import Vocabulary
from .chat_settings import ChatSettings, parse_threads
from .model_facts import ModelFacts
from .resuming import encode_anew, is_foreign, resumed_notes, resumed_settings


class Chat:
    """One engine and the session that uses it now; ``settings`` must name a template.

    ``given`` names the settings that hold whatever a resumed session says. What there is to tell
    stands in ``notes`` until ``take_notes``. ``close`` belongs on every way out.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Vocabulary,
        model: ModelFacts,
        settings: ChatSettings,
        *,
        given: frozenset[str] = frozenset(),
        store: Store | None = None,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self.model, self.settings, self.given = model, settings, given
        self.tokenizer, self.store = tokenizer, store
        self.name = ""
        self.notes: list[str] = list(store.notes) if store else []
        self.session = Session(engine, tokenizer, self._renderer(settings))
        self._kv = KvKeeper(snapshots, model.fingerprint)
        self._copy_of: LoadedSession | None = None  # open to read; the first message forks it
        self._foreign = False  # its ids are another tokenizer's in the store
        self._open(Ledger(), None, self._create())

    # What is open

    @property
    def session_id(self) -> int | None:
        """The stored session's number, once there is one; a copy yet to be made has none."""
        return self.session.recorder.session_id

    @property
    def read_only(self) -> bool:
        """What is sent goes into a copy of the session."""
        return self._copy_of is not None

    @property
    def threads(self) -> int:
        return self.session.engine.threads

    @property
    def kept_bytes(self) -> int:
        """What the KV snapshots of all sessions take on the disk."""
        return self._kv.total_bytes()

    def take_notes(self) -> list[str]:
        """What there is to tell, once."""
        notes, self.notes = self.notes, []
        return notes

    # Replies. A refusal comes before anything is changed.

    def send(self, text: str, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """A message and its reply; with ``drop`` the oldest turns may go, whatever is set."""
        self._make_writable()
        return self._watched(self.session.send(text, cancelled=cancelled), drop)

    def edit(
        self, text: str, message: Turn, *, drop: bool = False, cancelled: Cancelled = never
    ) -> Events:
        """Another message in place of this one, and its reply."""
        ledger = self.session.ledger
        place = len(ledger.path(message)) - 1
        self._make_writable()
        if self.session.ledger is not ledger:  # a copy to work in, with turns of its own
            message = self.session.ledger.path()[place]
        return self._watched(self.session.edit(text, message, cancelled=cancelled), drop)

    def regenerate(self, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """Another reply to the last message."""
        self._make_writable()
        return self._watched(self.session.regenerate(cancelled=cancelled), drop)

    def proceed(self, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """Go on with the last reply."""
        self._make_writable()
        return self._watched(self.session.proceed(cancelled=cancelled), drop)

    def branch(self, reply: Turn, at: int, token: int, *, cancelled: Cancelled = never) -> Events:
        """Another reply that has ``token`` in place of the reply's token ``at``, and goes on."""
        self._make_writable()
        return self._watched(self.session.branch(reply, at, token, cancelled=cancelled), False)

    def replay(self, *, cancelled: Cancelled = never) -> Events:
        """Generate the last reply again, to see whether it is the same."""
        return self._watched(self.session.replay(cancelled=cancelled), drop=False)

    # Sessions

    def new(self) -> None:
        """An empty session, with the settings as they are."""
        self._refuse_if_busy()
        self._leave()
        self.name = ""
        self._open(Ledger(), None, self._create())

    def resume(self, session_id: int) -> None:
        """Open a stored session. Raises ``ChatError``, and then all is as it was."""
        self._refuse_if_busy()
        if session_id == self.session_id:
            return
        loaded = self.stored().resume(session_id)
        settings = resumed_settings(loaded.meta, self.settings, self.given)
        self._leave()
        self.settings, self.name = settings, loaded.meta.name
        foreign = is_foreign(loaded, self.model.fingerprint, self.tokenizer)
        self.notes += resumed_notes(loaded, self.model.fingerprint, foreign=foreign)
        self._adopt(loaded, foreign=foreign)
        if not foreign and (note := self._kv.restore(self.session, session_id)):
            self.notes.append(note)

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
        store, was_open = self.stored(), session_id == self._shown_id
        self._refuse_if_busy()
        store.delete(session_id)
        if was_open:
            self.new()
        self._kv.forget(session_id)

    def stored(self) -> Store:
        """The store. Raises ``ChatError`` if nothing is kept."""
        if self.store is None:
            raise ChatError("nothing is saved here", "start without --no-save")
        return self.store

    # Settings

    def set_setting(self, name: str, text: str) -> None:
        """One setting of the replies to come. Raises ``UsageError``."""
        self._refuse_if_busy()
        if name == "threads":
            self.session.engine.threads = parse_threads(text)
            return
        settings = self.settings.with_value(name, text)
        if settings.template != self.settings.template and self.session.ledger.roots:
            raise UsageError("a conversation keeps its template", "/new begins another")
        self.settings = settings
        self._apply(reseed=name == "seed")
        self._meta_changed()

    def set_system(self, system: str) -> None:
        """Another system prompt. Raises ``PromptTooLongError`` if nothing would fit beside it."""
        length = self.session.engine.context_length
        renderer = replace(self.session.renderer, system=system)
        n, room = len(renderer.message("", first=True)), length - reserve(length)
        if n >= room:
            raise PromptTooLongError(
                f"this system prompt takes {n:,} tokens, and the context of {length:,} has room "
                f"for {room:,}",
                "shorten it",
            )
        self._make_writable()
        self.session.set_system(system)
        self.settings = replace(self.settings, system=system)
        self._meta_changed()

    def close(self) -> None:
        """Keep everything and give the memory back; more than once does no harm."""
        try:
            self._leave()
        finally:
            if self.store:
                self.store.close()
            self.session.engine.close()

    def _watched(self, events: Events, drop: bool) -> Events:
        session = self.session
        before = session.on_full
        if drop:
            session.on_full = "shift"
        try:
            yield from events
        finally:
            session.on_full = before

    def _make_writable(self) -> None:
        self._refuse_if_busy()
        if self._copy_of is None:
            return
        if self.session.ledger.head is None:
            self._open(Ledger(), None, self._create())
        else:
            self._fork(self._copy_of.id)

    def _fork(self, session_id: int) -> None:
        store, foreign = self.stored(), self._foreign
        loaded = store.resume(store.fork(session_id, self.session.ledger.head))
        self._leave()
        self.name = loaded.meta.name
        self._adopt(loaded, foreign=False)
        if foreign:
            encode_anew(loaded.ledger, self.session.renderer, self.tokenizer)
            for turn in loaded.ledger.path():  # parents first, so that the last one is the head
                self.session.recorder.turn_finished(turn)
        self._meta_changed()
        self.notes.append(f"this is session {self.session_id} now, {self.name!r}")

    def _adopt(self, loaded: LoadedSession, *, foreign: bool) -> None:
        if not (loaded.read_only or foreign):
            self._open(loaded.ledger, loaded.first_visible, loaded.recorder)
            self._meta_changed()
        else:
            loaded.recorder.close()
            self._open(loaded.ledger, loaded.first_visible, NullRecorder())
            self._copy_of, self._foreign = loaded, foreign
        if foreign:
            encode_anew(loaded.ledger, self.session.renderer, self.tokenizer)
        system = self.settings.system
        if loaded.meta.system != system:
            self.settings = replace(self.settings, system=loaded.meta.system)
            self.set_system(system)
        session, path = self.session, loaded.ledger.path()
        length = session.engine.context_length
        first = session.renderer.in_sight(path, session.first_visible, length)
        if first is not session.first_visible:
            session.first_visible = first
            self.notes.append(
                f"it is longer than this context of {length:,}: the model sees its end alone"
            )

    def _open(self, ledger: Ledger, first_visible: Turn | None, recorder: Recorder) -> None:
        session = self.session
        session.ledger, session.first_visible, session.recorder = ledger, first_visible, recorder
        session.renderer = self._renderer(self.settings)
        self._copy_of, self._foreign = None, False
        self._apply(reseed=True)

    def _apply(self, *, reseed: bool) -> None:
        session, settings = self.session, self.settings
        session.renderer = self._renderer(settings)
        session.sampling, session.stops = settings.sampling, settings.stops
        session.max_tokens, session.on_full = settings.max_tokens, settings.on_full
        if reseed:
            session.reseed(settings.seed)

    def _leave(self) -> None:
        try:
            if self.session_id is not None:
                self._kv.save(self.session, self.session_id)
        finally:
            self.session.recorder.close()

    def _renderer(self, settings: ChatSettings) -> Renderer:
        return settings.renderer(self.tokenizer)

    def _create(self) -> Recorder:
        return self.store.create(self._meta()) if self.store else NullRecorder()

    def _meta(self) -> SessionMeta:
        model, settings = self.model, self.settings
        return SessionMeta(
            model.name,
            model.fingerprint,
            self.session.renderer.template.to_dict(),
            settings.system,
            settings.sampling,
            self.name,
            model.tokenizer,
        )

    def _meta_changed(self) -> None:
        self.session.recorder.meta_changed(self._meta())

    @property
    def _shown_id(self) -> int | None:
        return self._copy_of.id if self._copy_of else self.session_id

    def _refuse_if_busy(self) -> None:
        if self.session.busy:
            raise BusyError("a reply is being written", "stop it first, or wait")
