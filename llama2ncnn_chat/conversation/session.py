"""One conversation with one model: keeps the KV cache a prefix of what the ledger's path says.

Every operation is "change the ledger, trim the cache to the common prefix, feed the rest". Yields
events and draws nothing; what is to be kept, it tells a recorder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Literal

from ..errors import ChatError, PromptTooLongError
from ..events import ContextShifted, Events, Finished, Replayed, TextDelta, Timings
from ..generation.choices import watched
from ..generation.generate import Limits, never
from ..model.engine import Cancelled, Engine
from ..model.kv_cache import KvCache
from ..settings import Sampling
from ..text.detokenizer import Detokenizer
from ..text.vocabulary import Vocabulary
from .cache import PromptCache
from .ledger import Ledger, Role, Run, Turn
from .recorder import NullRecorder, Recorder
from .renderer import ContextUse, Renderer, common_prefix, context_use, first_that_fits, n_hidden
from .runs import sampler_of, seeds

OnFull = Literal["shift", "reprefill", "stop", "ask"]


class BusyError(ChatError):
    """Something else is going on in this session."""


class Session:
    """A ledger, an engine whose cache follows it, and the settings of the next reply.

    ``sampling``, ``max_tokens``, ``stops`` and ``on_full`` may be set between replies. Operations
    that generate are iterators of events; a refusal comes before anything is changed. A reply that
    ends in any way is kept as far as it was shown; one of which nothing was shown is taken back,
    its message with it.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Vocabulary,
        renderer: Renderer,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        max_tokens: int | None = None,
        stops: tuple[str, ...] = (),
        on_full: OnFull = "shift",
        ledger: Ledger | None = None,
        first_visible: Turn | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.engine, self.renderer = engine, renderer
        self.sampling = sampling or Sampling()
        self.max_tokens, self.stops, self.on_full = max_tokens, stops, on_full
        self.ledger = ledger or Ledger()
        self.recorder: Recorder = recorder or NullRecorder()
        self.first_visible = first_visible
        self.busy = self.records_choices = False
        self._tokenizer = tokenizer
        self.cache = PromptCache(engine, tokenizer)
        self._seeds = seeds(seed)

    def send(self, text: str, *, cancelled: Cancelled = never) -> Events:
        """A message and its reply."""
        with self._alone():
            yield from self._answer(text, self.end(), cancelled)

    def edit(self, text: str, message: Turn, *, cancelled: Cancelled = never) -> Events:
        """Another text in place of this message, and its reply; what was there stays beside."""
        with self._alone():
            yield from self._answer(text, message.parent, cancelled)

    def regenerate(self, *, cancelled: Cancelled = never) -> Events:
        """Another reply to the last message; the old one stays beside."""
        with self._alone():
            back, message = self.ledger.head, self._last("user")
            yield from self._make_room(self.ledger.path(message))
            self.ledger.move(message)
            yield from self._reply(back, cancelled)

    def proceed(self, *, cancelled: Cancelled = never) -> Events:
        """Go on with the last reply from where it ended, or give the one that is still owed."""
        with self._alone():
            reply = self._last("assistant" if self.end() is self.ledger.head else "user")
            yield from self._make_room(self.ledger.path())
            if reply.role == "user":
                yield from self._reply(reply, cancelled)
                return
            # A character that was cut in two is shown again, whole this time.
            reply.text = reply.text.removesuffix("\ufffd")
            yield from self._generate(reply, cancelled)

    def branch(self, reply: Turn, at: int, token: int, *, cancelled: Cancelled = never) -> Events:
        """Another reply: the same up to its token ``at``, then ``token``, and what follows that."""
        with self._alone():
            other = Turn("assistant", "", [*reply.ids[:at], token])
            text = Detokenizer(self._tokenizer, begins=True)
            other.text = "".join(map(text.feed, other.ids))
            other.choices = {i: choice for i, choice in reply.choices.items() if i <= at}
            if at in other.choices:
                other.choices[at] = other.choices[at].instead(token)
            yield from self._make_room([*self.ledger.path(reply.parent), other])
            back = self.ledger.head
            self.ledger.move(reply.parent)
            yield from self._reply(back, cancelled, other)

    def replay(self, *, cancelled: Cancelled = never) -> Events:
        """Generate the last reply again from its seeds and settings; ``Replayed`` says whether it
        is the same, id for id. The conversation stays as it is."""
        with self._alone():
            reply = self._last("assistant")
            before = self.window(self.ledger.path(reply.parent))
            ends = [*(run.start for run in reply.runs[1:]), len(reply.ids)]
            for run, end in zip(reply.runs, ends, strict=True):
                want, done = reply.ids[run.start : end], reply.ids[: run.start]
                limits = Limits(len(want), run.stops, tuple(done))
                got: list[int] = []
                for event in self.cache.generate(
                    [*before, *done], sampler_of(run), limits, cancelled
                ):
                    if isinstance(event, TextDelta):
                        got += event.ids
                    if not isinstance(event, Finished):
                        yield event
                if got != want:
                    yield Replayed(same=False, at=run.start + common_prefix(got, want))
                    return
            yield Replayed(same=True, at=len(reply.ids))

    def undo(self, n: int = 1) -> list[Turn]:
        """Step back over the last ``n`` messages and their replies; returns the messages."""
        with self._alone():
            undone = self.ledger.undo(n)
            self._moved()
        return undone

    def redo(self, n: int = 1) -> int:
        """Take back that many undos; returns how many there were."""
        with self._alone():
            done = self.ledger.redo(n)
            self._moved()
        return done

    def choose(self, turn: Turn) -> None:
        """Walk to an alternative of a message or a reply."""
        with self._alone():
            self.ledger.choose(turn)
            self._moved()

    def set_system(self, system: str) -> None:
        """Another system prompt, which first messages carry: their ids are made anew."""
        with self._alone():
            self.renderer = replace(self.renderer, system=system)
            for first in self.ledger.roots:
                first.ids = self.renderer.message(first.text, first=True)
                self.recorder.turn_finished(first)
            self._moved()

    def reseed(self, seed: int | None) -> None:
        """The seed of the next reply, and of those after it; None is random."""
        self._seeds = seeds(seed)

    def end(self) -> Turn | None:
        """What the next message follows: the last reply.

        A program killed between a message and its reply leaves the message at the end; what is
        sent then stands beside it, for the template knows no two messages in a row.
        """
        head = self.ledger.head
        return head.parent if head and head.role == "user" else head

    def count(self, text: str) -> int:
        """How many tokens a message takes."""
        return len(self.renderer.message(text, first=self.end() is None))

    def context(self) -> ContextUse:
        """What stands in the context, exactly."""
        path, length = self.ledger.path(), self.engine.context_length
        return context_use(self.renderer, path, self.first_visible, length)

    def window(self, path: Sequence[Turn]) -> list[int]:
        """The ids that stand before the model for a path."""
        return self.renderer.window(path, self.first_visible) if path else []

    def snapshot(self) -> tuple[list[int], KvCache]:
        """The ids in the cache and a copy of it, to restore later."""
        return self.cache.snapshot()

    def restore(self, cache: KvCache) -> None:
        """Take over a cache of this conversation's first tokens."""
        self.cache.restore(cache, self.window(self.ledger.path()))

    def _answer(self, text: str, after: Turn | None, cancelled: Cancelled) -> Events:
        ids = self.renderer.message(text, first=after is None)
        message = Turn("user", text, ids)
        yield from self._make_room([*self.ledger.path(after), message])
        back = self.ledger.head
        self.ledger.move(after)
        self.ledger.add(message)
        self.recorder.turn_added(message)
        yield from self._reply(back, cancelled)

    def _reply(self, back: Turn | None, cancelled: Cancelled, begun: Turn | None = None) -> Events:
        """A new reply to the head; if it comes to nothing, ``back`` is the head again."""
        message = self.ledger.head
        reply = self.ledger.add(begun or Turn("assistant", "", []))
        self.recorder.turn_added(reply)
        try:
            yield from self._generate(reply, cancelled)
        finally:
            if not reply.ids and reply.finish != "stop":
                for turn in (reply, message):
                    if turn and turn is not back and not turn.children:
                        self.ledger.remove(turn)
                        self.recorder.turn_removed(turn)
                self.ledger.move(back)
            self._moved()

    def _generate(self, reply: Turn, cancelled: Cancelled) -> Events:
        stops = (*self.renderer.template.stops, *self.stops)
        run = Run(len(reply.ids), next(self._seeds), self.sampling, self.max_tokens, stops)
        reply.runs.append(run)
        reply.finish = None
        sampler, total = sampler_of(run), Timings()
        if self.records_choices:
            sampler = watched(sampler, lambda c: reply.choices.update({len(reply.ids): c}))
        try:
            while True:
                left = (
                    None if run.max_tokens is None else run.max_tokens - len(reply.ids[run.start :])
                )
                limits = Limits(left, stops, tuple(reply.ids))
                target = self.window(self.ledger.path())
                with closing(self.cache.generate(target, sampler, limits, cancelled)) as events:
                    for event in events:
                        if isinstance(event, Finished):
                            end = event
                            continue
                        if isinstance(event, TextDelta):
                            reply.ids += event.ids
                            reply.text += event.text
                            self.recorder.turn_grew(reply)
                        yield event
                total += end.timings
                if end.reason != "length" or len(end.ids) == left:
                    break
                shifted = self._shift_within_reply()
                if shifted is None:
                    break
                yield shifted
            reply.finish = end.reason
        finally:
            if reply.finish is None and reply.ids:  # failed or abandoned
                reply.finish = "cancelled"
            reply.timings = (reply.timings or Timings()) + total
            self.recorder.turn_finished(reply)
        yield Finished(end.reason, tuple(reply.ids[run.start :]), total)

    def _make_room(self, path: Sequence[Turn]) -> Events:
        """See that the path fits, dropping the oldest turns if that is what ``on_full`` says."""
        length = self.engine.context_length
        fits_from = first_that_fits(self.renderer, path, self.first_visible, length)
        if fits_from is None:
            return
        if self.on_full in ("stop", "ask"):
            raise PromptTooLongError(
                f"the conversation and this message take {len(self.window(path)):,} tokens of a "
                f"context of {length:,}",
                "/undo, /new, or /set on_full shift to drop the oldest turns",
            )
        yield self._shift(path, fits_from)

    def _shift_within_reply(self) -> ContextShifted | None:
        if self.on_full in ("stop", "ask"):
            return None
        path, length = self.ledger.path(), self.engine.context_length
        try:
            fits_from = first_that_fits(self.renderer, path, self.first_visible, length)
        except PromptTooLongError:
            return None
        return self._shift(path, fits_from) if fits_from else None

    def _shift(self, path: Sequence[Turn], first_visible: Turn) -> ContextShifted:
        """Drop the turns before ``first_visible``; with ``shift``, in the cache as well."""
        old, hidden = self.window(path), n_hidden(path, self.first_visible)
        self.first_visible = first_visible
        new = self.window(path)
        if self.on_full == "shift":
            self.cache.shift(old, new)
        self.recorder.head_moved(self.ledger.head, first_visible)
        return ContextShifted(path.index(first_visible) - hidden, len(old) - len(new))

    def _moved(self) -> None:
        path, length = self.ledger.path(), self.engine.context_length
        self.first_visible = self.renderer.in_sight(path, self.first_visible, length)
        self.recorder.head_moved(self.ledger.head, self.first_visible)

    def _last(self, role: Role) -> Turn:
        turn = self.ledger.last(role)
        if turn is None:
            raise ChatError("there is no message and no reply yet", "say something first")
        return turn

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.busy:
            raise BusyError("a reply is being written", "stop it first, or wait")
        self.busy = True
        try:
            yield
        finally:
            self.busy = False
