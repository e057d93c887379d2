"""Writes a reply token by token, and writes one again to see whether it comes out the same.

Knows the completer and what of the path it sees; adds and removes no turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ..events import Event, Finished, Replayed, TextDelta, Timings
from ..generation.completer import Completer, Draws, common_prefix
from ..model.engine import Cancelled
from .ledger import Ledger, Run, Turn, between
from .recorder import Recorder
from .settings import Settings
from .window import Window

Steps = Generator[Event, None, None]


@dataclass(frozen=True)
class Writing:
    """Lets the reply at the head of ``ledger`` grow, and tells ``recorder`` of each token."""

    completer: Completer
    window: Window
    ledger: Ledger
    recorder: Recorder

    def write(
        self, reply: Turn, n_begun: int, settings: Settings, cancelled: Cancelled
    ) -> Generator[Event, None, Finished]:
        """Generate one run of a reply, of which ``n_begun`` ids were given; returns its end.

        Where the context is full in between, the oldest turns go if they may. A run that is closed
        early or fails leaves the reply "cancelled", unless there is nothing of it.
        """
        counts = self.window.renderer.vocabulary.ids_are_tokens
        stops = (*self.window.renderer.template.stops, *settings.stops)
        seed = secrets.randbits(32) if settings.seed is None else settings.seed
        run = Run(
            len(reply.ids),
            seed,
            settings.sampling,
            settings.max_tokens,
            stops,
            n_begun=n_begun,
            schema=settings.schema.text if settings.schema else None,
            n_told=None if counts else 0,
        )
        self.ledger.begin(reply, run)
        total = Timings()
        try:
            while True:
                end = yield from self._complete(reply, run, settings, cancelled)
                total += end.timings
                if not counts:
                    reply.runs[-1] = replace(run, n_told=total.predicted_n)
                if end.reason != "length" or reply.max_tokens_reached is not None:
                    break
                shifted = self.window.shift_within_reply(self._sight(), settings.on_full)
                if shifted is None:
                    break
                self.recorder.head_moved(self.ledger.head, self.window.first_visible)
                yield shifted
            reply.finish = end.reason
            if end.stop in settings.stops:  # the template's own end a reply in its usual way
                reply.runs[-1] = replace(reply.runs[-1], stop_met=end.stop)
        finally:
            if reply.finish is None and reply.ids:
                reply.finish = "cancelled"
            reply.timings = (reply.timings or Timings()) + total
        return Finished(end.reason, tuple(reply.ids[run.start :]), total)

    def _complete(
        self, reply: Turn, run: Run, settings: Settings, cancelled: Cancelled
    ) -> Generator[Event, None, Finished]:
        """Go on with the run until it ends or the context is full; returns the completer's end."""
        n_drawn = len(reply.ids) - run.start
        left = None if run.max_tokens is None else run.max_tokens - n_drawn
        events = self.completer.complete(
            self.window.ids(self._sight()),
            run.sampling,
            Draws(run.seed, n_drawn),
            self.window.limits(reply.ids, run.schema, left, run.stops),
            wants_choices=settings.wants_choices,
            cancelled=cancelled,
        )
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    return event
                if isinstance(event, TextDelta):
                    if event.choice:
                        reply.choices[len(reply.ids)] = event.choice
                    reply.ids += event.ids
                    reply.text += event.text
                    self.recorder.turn_grew(reply)
                yield event
        raise AssertionError("a completer ends with Finished")

    def _sight(self) -> list[Turn]:
        return between(self.window.first_visible, self.ledger.head)


def replay(
    completer: Completer, window: Window, before: Sequence[int], reply: Turn, cancelled: Cancelled
) -> Steps:
    """Generate a reply again after the ids ``before`` it, from its seeds and settings.

    ``Replayed`` says at last whether it is the same, id for id. The reply stays as it is.
    """
    ends = [*(run.start for run in reply.runs[1:]), len(reply.ids)]
    for run, end in zip(reply.runs, ends, strict=True):
        want, done = reply.ids[run.start : end], reply.ids[: run.start]
        if not want:
            continue
        limits = window.limits(done, run.schema, len(want), run.stops)
        events = completer.complete(
            [*before, *done], run.sampling, Draws(run.seed), limits, cancelled=cancelled
        )
        got: list[int] = []
        with closing(events):
            for event in events:
                if isinstance(event, TextDelta):
                    got += event.ids
                if not isinstance(event, Finished):
                    yield event
        if got != want:
            yield Replayed(same=False, at=run.start + common_prefix(got, want))
            return
    yield Replayed(same=True, at=len(reply.ids))
