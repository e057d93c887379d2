"""The conversation that is open, its settings and its model: what every face talks to.

Knows no face and no commands; how sessions and models are opened is ``OpenSession``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..conversation.beginning import branched
from ..conversation.ledger import Ledger, Turn
from ..conversation.settings import Settings
from ..errors import Advice, ChatError, UsageError
from ..events import Events
from ..generation.completer import Completer, never
from ..model.engine import Cancelled
from ..storage.snapshots import SnapshotStore
from ..storage.store import Store
from ..text.messages import MESSAGES
from ..text.templates.template import Template
from .bare_words import BareWords
from .chat_model import ChatModel, Models
from .open_session import OpenSession
from .option import parse_typed
from .options import SETTINGS, value_of, with_values
from .phrases import NO_TOKENS
from .view import View, turn_of


class Chat(OpenSession):
    """A session that is open, to go on with; ``settings`` must name a template.

    ``given`` names the settings that hold whatever a resumed session says, ``set_by_hand`` those
    that hold whatever another model's files say; so does ``template``, the one that a person named,
    wherever a model can have it. While a reply is generated, or another of
    ``models`` is opened, whatever would change the session raises ``BusyError``.
    """

    def __init__(
        self,
        completer: Completer,
        model: ChatModel,
        settings: Settings,
        *,
        given: frozenset[str] = frozenset(),
        set_by_hand: frozenset[str] = frozenset(),
        template: Template | None = None,
        store: Store | None = None,
        snapshots: SnapshotStore | None = None,
        models: Models | None = None,
    ) -> None:
        super().__init__(completer, model, settings, given=given, store=store, snapshots=snapshots)
        self.set_by_hand, self.named_template = set(set_by_hand), template
        self.models = models
        self.bare_words = BareWords()

    @property
    def view(self) -> View:
        """The open session as faces draw it."""
        return View(self.session, counts=self.chat_model.counts_drafts)

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
        if not self.view.has_tokens:
            raise ChatError(NO_TOKENS, "/regen makes another reply")
        return self.session.replay(cancelled=cancelled)

    def record_choices(self) -> None:
        """Keep, from the next reply on, what the model thought of each token."""
        self.settings = replace(self.settings, records_choices=True)

    # Settings

    def setting(self, name: str) -> str:
        """Return one setting as it would be typed."""
        if name == "threads":
            return str(self._completer.threads)
        return value_of(self.settings, name)

    def set_setting(self, name: str, text: str) -> None:
        """Set one setting of the replies to come. Raises ``UsageError``."""
        self.set_values({name: parse_typed(SETTINGS[name], text)})

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Set what the rows of these names say: all of it or, with a ``ChatError``, nothing."""
        self.session.refuse_if_busy()
        settings = with_values(self.settings, {n: v for n, v in values.items() if n != "threads"})
        other_template = settings.template != self.settings.template
        if other_template and self.settings.template == MESSAGES:
            raise UsageError(
                "this engine has a template of its own; another takes a model that runs here",
                Advice.OPEN_MODEL,
            )
        if other_template and self.session.ledger.roots:
            raise UsageError("a conversation keeps its template", Advice.BEGIN_ANOTHER)
        if other_template or settings.system != self.settings.system:
            self._render_with(settings)
        self.settings = settings
        if other_template:
            self._open(Ledger(), None, self.session.recorder)
        if "seed" in values:
            self.next_reply.count_seeds()
        self._completer.threads = values.get("threads", self._completer.threads)
        self.set_by_hand |= values.keys()
        if "template" in values:
            self.named_template = settings.template
        self._meta_changed()

    def _reply_settings(self, drop: bool = False) -> Settings:
        settings = replace(self.settings, on_full="shift") if drop else self.settings
        return self.next_reply.settings(settings)

    def _writable_turn(self, id: int) -> Turn:
        """Find a turn, or what it is in a copy to work in, if that is made now."""
        turn, ledger = turn_of(self.session, id), self.session.ledger
        self._make_writable()
        return turn if self.session.ledger is ledger else self.session.ledger.path()[turn.depth]
