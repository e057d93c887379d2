"""One conversation with one model: changes the ledger, then goes on from the ids of its path.

Yields events and draws nothing; what is to be kept, it tells a recorder. Knows no engine, no store
and no face.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from ..errors import ChatError
from ..events import Event, Events, Role, Row, TurnAdded, TurnFinished, TurnRemoved
from ..generation.completer import Completer, never
from ..model.engine import Cancelled
from .ahead import Ahead
from .beginning import begun, begun_again, exchange, reworded
from .claim import Claim
from .ledger import Ledger, Turn, between
from .recorder import NullRecorder, Recorder
from .renderer import ContextUse, Renderer
from .rows import row_of, rows_of
from .settings import Settings
from .weighing import weigh
from .window import Window
from .writing import Steps, Writing, replay


class BusyError(ChatError):
    """Something else is going on in this session."""


class Session:
    """A ledger and what goes on from it. ``busy`` while something has it for itself.

    Operations that generate take the settings of the reply and refuse at once or with their first
    event, before anything is changed. They have the session for themselves until their events have
    ended or were closed; any other operation meanwhile raises ``BusyError``. A reply that ends in
    any way is kept as far as it was shown; if nothing of it was shown, it is removed with its
    message.
    """

    def __init__(
        self,
        completer: Completer,
        renderer: Renderer,
        ledger: Ledger | None = None,
        first_visible: Turn | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.ledger = ledger or Ledger()
        self.recorder: Recorder = recorder or NullRecorder()
        self.busy = False
        self._completer = completer
        self._window = Window(completer, renderer, first_visible)
        self.ahead = Ahead(completer, self._window)

    @property
    def renderer(self) -> Renderer:
        """Turns to ids: the template and the system prompt."""
        return self._window.renderer

    @property
    def first_visible(self) -> Turn | None:
        """The turn of the path from which on the model sees it; None: from the first."""
        return self._window.first_visible

    @property
    def context_length(self) -> int:
        """How many tokens the context has."""
        return self._window.length

    def refuse_if_busy(self) -> None:
        """Raise ``BusyError`` while something has the session for itself."""
        if self.busy:
            raise BusyError("a reply is being written, or a model opened", "stop it, or wait")

    # Generating

    def send(self, text: str, settings: Settings, *, cancelled: Cancelled = never) -> Events:
        """Add a message and generate its reply."""
        return self.claim(self._answer(text, self.ledger.end(), settings, cancelled))

    def edit(
        self, text: str, turn: Turn, settings: Settings, *, cancelled: Cancelled = never
    ) -> Events:
        """Replace a message or a reply, and generate what follows; what was there stays beside."""
        if turn.role == "user":
            return self.claim(self._answer(text, turn.parent, settings, cancelled))
        other = reworded(turn, text, self.renderer, self.sight(turn.parent))
        return self.vary(other, settings, cancelled=cancelled)

    def regenerate(self, settings: Settings, *, cancelled: Cancelled = never) -> Events:
        """Generate another reply to the last message; the old one stays beside."""
        return self.claim(self._regenerate(settings, cancelled))

    def proceed(self, settings: Settings, *, cancelled: Cancelled = never) -> Events:
        """Go on with the last reply from where it ended, or give the one that is still owed."""
        return self.claim(self._proceed(settings, cancelled))

    def vary(self, reply: Turn, settings: Settings, *, cancelled: Cancelled = never) -> Events:
        """Generate the rest of a new reply that has a beginning; others to its message stay."""
        return self.claim(self._another(reply, settings, cancelled))

    def replay(self, *, cancelled: Cancelled = never) -> Events:
        """Generate the last reply again from its seeds and settings.

        ``Replayed`` says whether it is the same, id for id. The conversation stays as it is.
        """
        reply = self._last("assistant")
        before = self.window(self.sight(reply.parent))
        return self.claim(replay(self._completer, self._window, before, reply, cancelled))

    def weigh(self, reply: Turn, *, cancelled: Cancelled = never) -> Events:
        """Find the choices of this reply's tokens, and of those to replies after it, by reading."""
        return self.claim(weigh(self._completer, self._window, self.ledger, reply, cancelled))

    def claim(self, steps: Steps) -> Events:
        """Give these steps the session for themselves, until their events end."""
        self.refuse_if_busy()
        self.busy = True
        return Claim(steps, self._release)

    # Moving about in the ledger

    def undo(self, n: int = 1) -> list[Turn]:
        """Step back over the last ``n`` messages and their replies; returns the messages."""
        self.refuse_if_busy()
        undone = self.ledger.undo(n)
        self._follow_head()
        return undone

    def redo(self, n: int = 1) -> int:
        """Step forward again over that many messages; returns how many there were."""
        self.refuse_if_busy()
        done = self.ledger.redo(n)
        self._follow_head()
        return done

    def walk_to(self, turn: Turn) -> None:
        """Make an alternative of a message or a reply part of the path."""
        self.refuse_if_busy()
        self.ledger.walk_to(turn)
        self._follow_head()

    def set_system(self, system: str) -> None:
        """Set another system prompt, which first messages carry: their ids are made anew."""
        self.refuse_if_busy()
        renderer, roots = replace(self.renderer, system=system), self.ledger.roots
        ids = [renderer.message(first.text, first=True) for first in roots]  # or it refuses
        self._window.renderer = renderer
        for first, new in zip(roots, ids, strict=True):
            first.ids = new
            self.recorder.turn_finished(first)
        self._follow_head()

    # Reading

    def rows(self, *, in_sight: bool = False) -> list[Row]:
        """Return the path, or what the model sees of it, as values to draw.

        Raises ``BusyError`` while it is being changed.
        """
        self.refuse_if_busy()
        path = self.sight(self.ledger.head) if in_sight else self.ledger.path()
        return rows_of(self.ledger, path, self.first_visible, self.renderer.reasoning)

    def count(self, text: str) -> int:
        """Count the tokens of the next message; while a reply is written, it isn't the first."""
        return len(self.renderer.message(text, first=not self.busy and self.ledger.end() is None))

    def see_what_fits(self) -> bool:
        """Hide the oldest turns if the path is longer than the context; returns whether it was."""
        before = self.first_visible
        self._window.follow(self.sight(self.ledger.head))
        return self.first_visible is not before

    def context(self) -> ContextUse:
        """Count what stands in the context, exactly."""
        return self._window.use(self.sight(self.ledger.head))

    def sight(self, last: Turn | None) -> list[Turn]:
        """Return the turns that the model sees of the path to ``last``, as the ledger's head."""
        return between(self.first_visible, last)

    def window(self, path: Sequence[Turn]) -> list[int]:
        """Return the ids that stand before the model for a path."""
        return self._window.ids(path)

    def first_that_fits(self, path: Sequence[Turn]) -> Turn | None:
        """Find the turn from which on the path leaves room for a reply; see ``Window``."""
        return self._window.first_that_fits(path)

    def _answer(
        self, text: str, after: Turn | None, settings: Settings, cancelled: Cancelled
    ) -> Steps:
        new = exchange(self.renderer, self.sight(after), text, settings.beginning)
        self._window.refuse_unfit(new[-1], settings)
        yield from self._make_room([*self.sight(after), *new], settings)
        yield from self._window.read_again([*self.sight(after), new[0]])
        yield from self._reply(after, new, settings, cancelled)

    def _regenerate(self, settings: Settings, cancelled: Cancelled) -> Steps:
        message, last = self._last("user"), self.ledger.head
        if last is message or last is None or settings.beginning is not None:
            reply = begun(self.renderer, self.sight(message), settings.beginning)
        else:
            reply = begun_again(last, self.renderer.vocabulary)
        yield from self._another(reply, settings, cancelled)

    def _proceed(self, settings: Settings, cancelled: Cancelled) -> Steps:
        last = self._last("assistant" if self.ledger.end() is self.ledger.head else "user")
        reply = last
        if last.role == "user":
            reply = begun(self.renderer, self.sight(last), settings.beginning)
        self._window.refuse_unfit(reply, settings)
        yield from self._make_room(self.sight(self.ledger.head), settings)
        if reply is not last:
            yield from self._reply(last, [reply], settings, cancelled)
            return
        # A character that was cut in two is shown again, whole this time.
        last.text = last.text.removesuffix("\ufffd")
        yield (yield from self._write(last, last.n_begun, settings, cancelled))

    def _another(self, reply: Turn, settings: Settings, cancelled: Cancelled) -> Steps:
        self._window.refuse_unfit(reply, settings)
        yield from self._make_room([*self.sight(reply.parent), reply], settings)
        yield from self._reply(reply.parent, [reply], settings, cancelled)

    def _reply(
        self, after: Turn | None, new: list[Turn], settings: Settings, cancelled: Cancelled
    ) -> Steps:
        """Add turns, the last of them a reply to be generated.

        If that comes to nothing they are removed, and the path is what it was.
        """
        back, reply = self.ledger.head, new[-1]
        added: list[Turn] = []
        removed: list[Turn] = []
        try:
            self.ledger.move(after)
            for turn in new:
                self._add(turn)
                added.append(turn)
                yield TurnAdded(self._row(turn))
            finished = yield from self._write(reply, len(reply.ids), settings, cancelled)
        finally:
            if not reply.ids and reply.finish != "stop":
                removed = added[::-1]
                for turn in removed:
                    self.ledger.remove(turn)
                    self.recorder.turn_removed(turn)
                self.ledger.move(back)
            self._follow_head()
        yield from (TurnRemoved(turn.id) for turn in removed)
        yield finished

    def _add(self, turn: Turn) -> None:
        self.ledger.add(turn)
        try:
            self.recorder.turn_added(turn)
        except BaseException:  # no turn stands in the ledger that isn't kept
            self.ledger.remove(turn)
            raise

    def _write(
        self, reply: Turn, n_begun: int, settings: Settings, cancelled: Cancelled
    ) -> Generator[Event, None, TurnFinished]:
        """Generate a reply, or more of it, at the head; returns its end."""
        writing = Writing(self._completer, self._window, self.ledger, self.recorder)
        try:
            end = yield from writing.write(reply, n_begun, settings, cancelled)
        finally:
            self.recorder.turn_finished(reply)
        row = self._row(reply)
        return TurnFinished(end.reason, end.ids, end.timings, row, json_cut=row.json_cut)

    def _make_room(self, path: Sequence[Turn], settings: Settings) -> Steps:
        for shifted in self._window.make_room(path, settings.on_full):
            self._record_head()
            yield shifted

    def _follow_head(self) -> None:
        self._window.follow(self.sight(self.ledger.head))
        self._record_head()

    def _record_head(self) -> None:
        self.recorder.head_moved(self.ledger.head, self.first_visible)

    def _last(self, role: Role) -> Turn:
        turn = self.ledger.last(role)
        if turn is None:
            raise ChatError("there is no message and no reply yet", "say something first")
        return turn

    def _row(self, turn: Turn) -> Row:
        return row_of(self.ledger, turn, self.first_visible, self.renderer.reasoning)

    def _release(self) -> None:
        self.busy = False
