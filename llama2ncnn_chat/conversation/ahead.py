"""Has a message read while it is typed: what will stand before the model however it goes on.

Knows a path, a draft and the completer; changes no turn, and nothing of what is read in the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from ..errors import ChatError
from ..generation.completer import Completer, common_prefix
from .ledger import Turn
from .renderer import Renderer, reserve
from .window import Window

_LAST_WORD = re.compile(r"\S{0,24}\Z")
"""What a key may change yet; of a text without spaces, as Chinese is, its last characters."""


class Ahead:
    """Reads ahead what the next message brings before the model of ``window``."""

    def __init__(self, completer: Completer, window: Window) -> None:
        self._completer, self._window = completer, window

    def prefill(self, path: Sequence[Turn], draft: str) -> None:
        """Begin or go on with it, in the background, for a draft that is to follow a path."""
        window = self._window  # as it is now: another thread renders
        render = partial(_rendered, window.renderer, path, window.first_visible)
        self._completer.prefill_ahead(partial(_that_fits, window.length, render, draft))

    def opening(self) -> list[int]:
        """Return the ids that every conversation with this template and system prompt begins with.

        None where the template refuses them.
        """
        with suppress(ChatError):
            return settled_ids(partial(_rendered, self._window.renderer, (), None), "")
        return []

    def hold(self, seconds: float) -> None:
        """Have it wait, from now on for so long."""
        self._completer.hold_ahead(seconds)


def settled_ids(render: Callable[[str], list[int]], draft: str) -> list[int]:
    """Return the ids of a draft that what is typed next leaves as they are.

    They are a guess: a text may yet be changed anywhere, and a vocabulary may look far ahead.
    """
    last_word = _LAST_WORD.search(draft)
    begun = draft[: last_word.start()].rstrip() if last_word else ""
    as_it_is, otherwise = render(draft if draft.strip() else "a"), render(f"{begun} 0")
    return as_it_is[: common_prefix(as_it_is, otherwise)]


def _rendered(
    renderer: Renderer, path: Sequence[Turn], first_visible: Turn | None, text: str
) -> list[int]:
    after = path[-1] if path else None
    message = Turn("user", text, renderer.message(text, first=after is None), after)
    return renderer.window([*path, message], first_visible)


def _that_fits(length: int, render: Callable[[str], list[int]], draft: str) -> list[int]:
    """Return the settled ids; none where they leave no room, for then old turns go first."""
    ids = settled_ids(render, draft)
    return ids if len(ids) <= length - reserve(length) else []
