"""The session that is open, and all it takes to open another: model, settings, store, snapshots.

What every face talks to; collects notes for it to show. Knows no face and no commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..conversation.beginning import branched
from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import NullRecorder, Recorder, SessionMeta
from ..conversation.renderer import Renderer, refuse_long_system, renderer_of
from ..conversation.session import Session
from ..conversation.settings import Settings
from ..errors import Advice, ChatError, UsageError
from ..events import Events
from ..generation.completer import never
from ..generation.local import LocalCompleter
from ..model.engine import Cancelled, Engine
from ..storage.snapshots import SnapshotStore
from ..storage.store import LoadedSession, Store
from ..text.vocabulary import Vocabulary
from . import phrases
from .bare_words import BareWords
from .keeping import Keeping
from .model_facts import ModelFacts
from .next_reply import NextReply
from .option import parse_typed
from .options import SETTINGS, value_of, with_values
from .resuming import encode_anew, is_foreign, meta_of, resumed_notes, resumed_settings
from .view import View, turn_of


class Chat:
    """One engine and the session that uses it now; ``settings`` must name a template.

    ``given`` names the settings that hold whatever a resumed session says. While a reply is
    generated, whatever would change the session raises ``BusyError``.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        model: ModelFacts,
        settings: Settings,
        *,
        given: frozenset[str] = frozenset(),
        store: Store | None = None,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self.model, self.settings, self.given = model, settings, given
        self.vocabulary, self.bare_words = vocabulary, BareWords()
        self.name, self.next_reply = "", NextReply(Ledger())
        self.notes = store.notes if store else []
        self._engine = engine
        self._completer = LocalCompleter(engine, vocabulary)
        self._keeping = Keeping(store, snapshots, self._completer, model.fingerprint)
        self._copy_of: LoadedSession | None = None  # open to read; the first message forks it
        self._foreign = False  # its ids are another vocabulary's in the store
        self._open(Ledger(), None, self._keeping.begin(self._meta()))

    # What is open

    @property
    def store(self) -> Store | None:
        """Where sessions are kept; None if they aren't."""
        return self._keeping.store

    @property
    def session_id(self) -> int | None:
        """The stored session's number, once there is one; a copy yet to be made has none."""
        return self.session.recorder.session_id

    @property
    def read_only(self) -> bool:
        """Whether what is sent goes into a copy of the session."""
        return self._copy_of is not None

    @property
    def kept_bytes(self) -> int:
        """Bytes that the KV snapshots of all sessions take on the disk."""
        return self._keeping.cache_bytes()

    @property
    def view(self) -> View:
        """The open session as faces draw it."""
        return View(self.session)

    def pop_notes(self) -> list[str]:
        """Return and clear the pending notices."""
        return [self.notes.pop(0) for _ in range(len(self.notes))]  # another thread may add one

    # Replies. A refusal comes before anything is changed.

    def send(self, text: str, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """Send a message; with ``drop`` the oldest turns may go, whatever is set."""
        self._make_writable()
        return self.session.send(text, self._reply_settings(drop), cancelled=cancelled)

    def edit(
        self, text: str, id: int, *, drop: bool = False, cancelled: Cancelled = never
    ) -> Events:
        """Put another text in place of the turn of this id: a message, or a reply to go on with."""
        turn = self._writable_turn(id)
        return self.session.edit(text, turn, self._reply_settings(drop), cancelled=cancelled)

    def regenerate(self, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """Generate another reply to the last message."""
        self._make_writable()
        return self.session.regenerate(self._reply_settings(drop), cancelled=cancelled)

    def proceed(self, *, drop: bool = False, cancelled: Cancelled = never) -> Events:
        """Go on with the last reply."""
        self._make_writable()
        return self.session.proceed(self._reply_settings(drop), cancelled=cancelled)

    def branch(self, reply: int, at: int, token: int, *, cancelled: Cancelled = never) -> Events:
        """Generate another reply: as that one up to its token ``at``, then ``token``, then anew."""
        other = branched(self._writable_turn(reply), at, token, self.vocabulary)
        return self.session.vary(other, self._reply_settings(), cancelled=cancelled)

    def replay(self, *, cancelled: Cancelled = never) -> Events:
        """Generate the last reply again, to see whether it is the same."""
        return self.session.replay(cancelled=cancelled)

    def record_choices(self) -> None:
        """Keep, from the next reply on, what the model thought of each token."""
        self.settings = replace(self.settings, records_choices=True)

    # Sessions

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
            settings = resumed_settings(loaded, self.settings, self.given)
            template = renderer_of(settings, self.vocabulary).template
            foreign = is_foreign(loaded, self.model.fingerprint, template, self.vocabulary)
        except BaseException:
            loaded.recorder.close()
            raise
        self._keeping.leave(self.session)
        self.settings, self.name = settings, loaded.meta.name
        self.notes += resumed_notes(loaded, self.model.fingerprint, foreign=foreign)
        self._adopt(loaded, foreign=foreign)
        if not foreign and (note := self._keeping.restore_cache(self.session, session_id)):
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
        self.session.refuse_if_busy()
        self._keeping.delete(session_id)
        if session_id == self._shown_id:
            self.session.recorder.close()  # and its cache isn't kept
            self._begin()
        self._keeping.delete_cache(session_id)

    def stored(self) -> Store:
        """Return the store. Raises ``ChatError`` if nothing is kept."""
        return self._keeping.stored()

    # Settings

    def setting(self, name: str) -> str:
        """Return one setting as it would be typed."""
        if name == "threads":
            return str(self._engine.threads)
        return value_of(self.settings, name)

    def set_setting(self, name: str, text: str) -> None:
        """Set one setting of the replies to come. Raises ``UsageError``."""
        self.set_values({name: parse_typed(SETTINGS[name], text)})

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Set what the rows of these names say: all of it or, with a ``ChatError``, nothing."""
        self.session.refuse_if_busy()
        settings = with_values(self.settings, {n: v for n, v in values.items() if n != "threads"})
        other_template = settings.template != self.settings.template
        if other_template and self.session.ledger.roots:
            raise UsageError("a conversation keeps its template", Advice.BEGIN_ANOTHER)
        if other_template or settings.system != self.settings.system:
            refuse_long_system(renderer_of(settings, self.vocabulary), self.session.context_length)
            self._make_writable()
            self.session.set_system(settings.system)
        self.settings = settings
        if other_template:
            self._open(Ledger(), None, self.session.recorder)
        if "seed" in values:
            self.next_reply.count_seeds()
        self._engine.threads = values.get("threads", self._engine.threads)
        self._meta_changed()

    def close(self) -> None:
        """Keep everything and give the memory back; more than once does no harm."""
        try:
            self._keeping.leave(self.session)
        finally:
            self._keeping.close()
            self._engine.close()

    def _reply_settings(self, drop: bool = False) -> Settings:
        settings = replace(self.settings, on_full="shift") if drop else self.settings
        return self.next_reply.settings(settings)

    def _writable_turn(self, id: int) -> Turn:
        """Find a turn, or what it is in a copy to work in, if that is made now."""
        turn, ledger = turn_of(self.session, id), self.session.ledger
        self._make_writable()
        return turn if self.session.ledger is ledger else self.session.ledger.path()[turn.depth]

    def _make_writable(self) -> None:
        self.session.refuse_if_busy()
        if self._copy_of is None:
            return
        if self.session.ledger.head is None:
            self._open(Ledger(), None, self._keeping.begin(self._meta()))
        else:
            self._fork(self._copy_of.id)

    def _fork(self, session_id: int) -> None:
        store, foreign = self.stored(), self._foreign
        loaded = store.resume(store.fork(session_id, self.session.ledger.head))
        self._keeping.leave(self.session)
        self.name = loaded.meta.name
        self._adopt(loaded, foreign=False)
        if foreign:
            encode_anew(loaded.ledger, self.session.renderer, self.vocabulary)
            for turn in loaded.ledger.path():  # parents first, so that the last one is the head
                self.session.recorder.turn_finished(turn)
        self._meta_changed()
        self.notes.append(f"this is session {self.session_id} now, {self.name!r}")

    def _adopt(self, loaded: LoadedSession, *, foreign: bool) -> None:
        if foreign:
            encode_anew(loaded.ledger, self._renderer(), self.vocabulary)
        if not (loaded.read_only or foreign):
            self._open(loaded.ledger, loaded.first_visible, loaded.recorder)
            self._meta_changed()
        else:
            loaded.recorder.close()
            self._open(loaded.ledger, loaded.first_visible, NullRecorder())
            self._copy_of, self._foreign = loaded, foreign
        system = self.settings.system
        if loaded.meta.system != system:
            self.settings = replace(self.settings, system=loaded.meta.system)
            self.set_values({"system": system})
        if self.session.see_what_fits():
            self.notes.append(phrases.longer_than_context(self.session.context_length))

    def _begin(self) -> None:
        self.name = ""
        self._open(Ledger(), None, self._keeping.begin(self._meta()))

    def _open(self, ledger: Ledger, first_visible: Turn | None, recorder: Recorder) -> None:
        renderer = self._renderer()
        self.session = Session(self._completer, renderer, ledger, first_visible, recorder)
        self._copy_of, self._foreign = None, False
        self.next_reply = NextReply(self.session.ledger, self.next_reply.words)

    def _renderer(self) -> Renderer:
        return renderer_of(self.settings, self.vocabulary)

    def _meta(self) -> SessionMeta:
        return meta_of(self.model, self.settings, self._renderer().template, self.name)

    def _meta_changed(self) -> None:
        self.session.recorder.meta_changed(self._meta())

    @property
    def _shown_id(self) -> int | None:
        return self._copy_of.id if self._copy_of else self.session_id
