"""Reads replies once more to find what the model thought of each of their tokens.

What a reply was written without, a resumed one or one of a face that asked for nothing, is found
this way. Changes no text and no path.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from ..events import Event, Weighed
from ..generation.completer import Completer
from ..model.engine import Cancelled
from .ledger import Ledger, Turn, between
from .rows import tokens_of
from .window import Window


def weigh(
    completer: Completer, window: Window, ledger: Ledger, reply: Turn, cancelled: Cancelled
) -> Generator[Event, None, None]:
    """Fill in the choices of a reply of the path, and of those after it that lack any.

    Each is read after what the model sees before it now. Yields ``PrefillProgress``.
    """
    path = ledger.path()
    for turn in path[path.index(reply) :]:
        if turn.role == "user" or tokens_of(turn).are_known:
            continue
        before = window.ids(between(window.first_visible, turn.parent))
        events = completer.weigh([*before, *turn.ids], len(before), cancelled=cancelled)
        with closing(events):
            for event in events:
                if isinstance(event, Weighed):
                    first = event.at - len(before)
                    turn.choices.update(enumerate(event.choices, first))
                else:
                    yield event
